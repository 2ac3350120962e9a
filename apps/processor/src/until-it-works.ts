import { MINUTE_MS } from '@canh/core/time/instant';
import { defer, firstValueFrom, map, race, retry, timer, type ReplaySubject } from 'rxjs';

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10_000;
/** What a server may ask us to wait; a proxy that says a day does not know that it is back. */
const LONGEST_ASKED_MS = 5 * MINUTE_MS;

/** The processor was told to stop while something was still being tried. */
export class Stopping extends Error {}

/**
 * Does it again, with growing pauses, until it succeeds: what was accepted from a device is never dropped because something behind us
 * is down. Each failure is reported. Rejects with Stopping when it fails after `stop` has emitted; what is under way is let finish.
 */
export function untilItWorks<T>(
  action: () => Promise<T>,
  failed: (error: unknown) => void,
  stop: ReplaySubject<void>,
): Promise<T> {
  const stopping = stop.pipe(
    map((): never => {
      throw new Stopping();
    }),
  );
  return firstValueFrom(
    defer(action).pipe(
      retry({
        delay: (error, attempt) => {
          failed(error);
          const asked = Math.min((error as { retryAfterMs?: number | null }).retryAfterMs ?? 0, LONGEST_ASKED_MS);
          return race(stopping, timer(Math.max(asked, Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (attempt - 1)))));
        },
      }),
    ),
  );
}
