import { Channel, type NamedIncident, type NoticeContext } from '@canh/core/dispatch/channel';
import type { Delivery, DigestDelivery, Outcome, SingleDelivery } from '@canh/core/dispatch/notice';
import type { Clock } from '@canh/core/time/instant';
import { GuardedPost, type GuardedPostOptions } from './guarded-post.js';
import { signature } from './signature.js';
import { digestBody, webhookBody } from './webhook-body.js';

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

  override send(delivery: SingleDelivery, context: NoticeContext): Promise<Outcome> {
    return this.hand(delivery, webhookBody(delivery, context, this.options.timeZone));
  }

  override sendDigest(digest: DigestDelivery, named: readonly NamedIncident[]): Promise<Outcome> {
    return this.hand(digest, digestBody(digest, named, this.options.timeZone));
  }

  override close(): Promise<void> {
    this.post.close();
    return Promise.resolve();
  }

  private hand({ id, contact }: Delivery, body: string): Promise<Outcome> {
    const { secret, clock } = this.options;
    return this.post.send(contact.address, body, {
      'idempotency-key': id,
      ...(secret === null ? {} : { 'canh-signature': signature(secret, Math.floor(clock.now() / 1_000), body) }),
    });
  }
}
