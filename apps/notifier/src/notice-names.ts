import type { Alert } from '@canh/core/alerts/alert';
import type { NoticeContext } from '@canh/core/dispatch/channel';
import { noticeContext } from '@canh/core/dispatch/notice-context';
import type { Catalogue } from '@canh/core/rules/catalogue';
import type { Inventory, Registry } from '@canh/core/stations/registry';

/** The names of stations and areas as they are now, read again when somebody has changed them. */
export class NoticeNames {
  private known: { version: number; inventory: Inventory } | null = null;

  constructor(
    private readonly registry: Registry,
    private readonly catalogue: Catalogue,
    private readonly publicUrl: string | null,
  ) {}

  async of(alert: Alert): Promise<NoticeContext> {
    const version = await this.registry.version();
    if (this.known?.version !== version) this.known = { version, inventory: await this.registry.inventory() };
    return noticeContext(alert, this.known.inventory, this.catalogue, this.publicUrl);
  }
}
