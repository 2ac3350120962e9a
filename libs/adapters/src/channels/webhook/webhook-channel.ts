import { Channel, type NoticeContext } from '@canh/core/dispatch/channel';
import type { Delivery, Outcome } from '@canh/core/dispatch/notice';
import type { Clock } from '@canh/core/time/instant';
import { GuardedPost, type GuardedPostOptions } from './guarded-post.js';
import { signature } from './signature.js';
import { webhookBody } from './webhook-body.js';

export interface WebhookOptions extends GuardedPostOptions {
  /** Key of the signature; null sends unsigned. */
  readonly secret: string | null;
  readonly timeZone: string;
  readonly clock: Clock;
}

/** POSTs JSON, signed, to the address of a contact. */
export class WebhookChannel extends Channel {
  override readonly name = 'webhook';
  private readonly post: GuardedPost;

  constructor(private readonly options: WebhookOptions) {
    super();
    this.post = new GuardedPost(options);
  }

  override send(delivery: Delivery, context: NoticeContext): Promise<Outcome> {
    const { secret, clock, timeZone } = this.options;
    const body = webhookBody(delivery, context, timeZone);
    return this.post.send(delivery.contact.address, body, {
      'idempotency-key': delivery.id,
      ...(secret === null ? {} : { 'canh-signature': signature(secret, Math.floor(clock.now() / 1_000), body) }),
    });
  }

  override close(): Promise<void> {
    this.post.close();
    return Promise.resolve();
  }
}
