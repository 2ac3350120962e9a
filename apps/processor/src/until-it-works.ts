import { defer, firstValueFrom, map, race, retry, timer, type ReplaySubject } from 'rxjs';

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10_000;

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
          const asked = (error as { retryAfterMs?: number | null }).retryAfterMs ?? 0;
          return race(stopping, timer(Math.max(asked, Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (attempt - 1)))));
        },
      }),
    ),
  );
}
