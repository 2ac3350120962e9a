import type { LiveMessage } from '@canh/contract/views.dto';
import { SseParser } from './sse-parser.js';

export interface StreamHandlers {
  /** A connection answered; its first message follows. */
  opened(): void;
  message(message: LiveMessage): void;
  /** The server does not know this browser's session any more: nothing is tried again until `start`. */
  signedOut(): void;
}

const kinds: ReadonlySet<string> = new Set(['beat', 'alerts', 'latest'] satisfies LiveMessage['kind'][]);

/** Longer than the server is ever silent; then the connection is dead, whatever the socket says. */
const silenceMs = 32_000;
const firstRetryMs = 1_000;
const longestRetryMs = 10_000;

/**
 * Keeps one connection to `GET /api/live`, and says from where to go on after a break. Read with fetch and not with EventSource, which
 * cannot tell an ended session from a broken network and gives up for ever on a 502.
 */
export class Stream {
  private attempt: AbortController | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private lastEventId: string | null = null;
  private failures = 0;

  constructor(
    private readonly url: string,
    private readonly handlers: StreamHandlers,
  ) {}

  start(): void {
    if (this.attempt !== null) return;
    this.failures = 0;
    void this.connect();
  }

  stop(): void {
    clearTimeout(this.timer);
    this.attempt?.abort();
    this.attempt = null;
  }

  /** The next connection begins anew and does not go on from the last. */
  forget(): void {
    this.lastEventId = null;
  }

  /** Now, and not when the waiting time is over. */
  reconnect(): void {
    this.stop();
    this.start();
  }

  private async connect(): Promise<void> {
    const attempt = new AbortController();
    this.attempt = attempt;
    const silence = (): void => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => attempt.abort(), silenceMs);
    };
    try {
      silence();
      const response = await fetch(this.url, {
        headers: {
          accept: 'text/event-stream',
          ...(this.lastEventId === null ? {} : { 'last-event-id': this.lastEventId }),
        },
        cache: 'no-store',
        signal: attempt.signal,
      });
      if (response.status === 401) {
        this.stop();
        this.handlers.signedOut();
        return;
      }
      if (!response.ok || response.body === null) throw new Error(`live stream: status ${response.status}`);
      this.handlers.opened();
      const parser = new SseParser();
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        silence();
        for (const event of parser.push(value)) this.take(event.event, event.data, event.id);
      }
    } catch {
      // Every way to fail ends the same: try again. What it means for the page is told by the missing proof of life, not by the error.
    }
    if (this.attempt !== attempt) return; // stopped or replaced meanwhile
    clearTimeout(this.timer);
    attempt.abort();
    this.failures += 1;
    // Spread, so that a hundred consoles do not come back in the same instant.
    const wait = Math.min(longestRetryMs, firstRetryMs * 2 ** (this.failures - 1)) * (0.75 + 0.5 * Math.random());
    this.timer = setTimeout(() => void this.connect(), wait);
  }

  private take(event: string, data: string, id: string | null): void {
    if (!kinds.has(event)) return; // from a newer server than this page
    const message = JSON.parse(data) as LiveMessage;
    this.failures = 0;
    this.handlers.message(message);
    // Only after it was taken in: what was not taken in is asked for again.
    if (id !== null) this.lastEventId = id;
  }
}
