import type { SentMessage } from './published.js';
import { pause } from './length.js';

const TRY_AGAIN_AFTER_MS = 100;
const ANSWER_WITHIN_MS = 20_000;

/** A device that posts, one message at a time, and posts again until it is told 200. */
export class HttpDevice {
  private readonly stop = new AbortController();

  constructor(
    private readonly token: string,
    private readonly url: () => string,
  ) {}

  /** Resolves with the 200. */
  async publish(message: SentMessage): Promise<void> {
    for (;;) {
      this.stop.signal.throwIfAborted();
      message.transmissions += 1;
      if (await this.post(message.payload)) {
        message.acknowledgements += 1;
        return;
      }
      await pause(TRY_AGAIN_AFTER_MS);
    }
  }

  close(): void {
    this.stop.abort(new Error('the device was switched off'));
  }

  private async post(body: string): Promise<boolean> {
    try {
      const answer = await fetch(`${this.url()}/api/v1/${this.token}/telemetry`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
        signal: AbortSignal.any([this.stop.signal, AbortSignal.timeout(ANSWER_WITHIN_MS)]),
      });
      await answer.arrayBuffer();
      return answer.status === 200;
    } catch {
      return false;
    }
  }
}
