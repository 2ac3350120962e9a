import type { AsksForConfirmation } from '@canh/core/dispatch/confirmation';
import { Channel } from '@canh/core/dispatch/channel';
import type { ChannelName, Outcome } from '@canh/core/dispatch/notice';

/** Stands where a channel was not set up: nothing leaves, and every attempt says why, so that what waits goes out once it is set up. */
export class ClosedChannel extends Channel implements AsksForConfirmation {
  constructor(
    override readonly name: ChannelName,
    private readonly reason: string,
  ) {
    super();
  }

  override send(): Promise<Outcome> {
    return Promise.resolve({ kind: 'failed', answer: this.reason });
  }

  override sendDigest(): Promise<Outcome> {
    return this.send();
  }

  ask(): Promise<Outcome> {
    return this.send();
  }

  override close(): Promise<void> {
    return Promise.resolve();
  }
}
