import { EMPTY, from, timer, type Observable } from 'rxjs';
import { catchError, exhaustMap, filter, map, tap } from 'rxjs/operators';

/** Hears of the first failure in a row, and of the answer that ends it. */
export interface Trouble {
  failed(error: unknown): void;
  over(): void;
}

/**
 * Asks at once and then every so often, one question at a time, and passes on the answers that are not null. A question that fails
 * is asked again like any other.
 */
export function polled<Answer>(
  everyMs: number,
  ask: () => Promise<Answer | null>,
  trouble: Trouble,
): Observable<Answer> {
  let failing = false;
  return timer(0, everyMs).pipe(
    exhaustMap(() =>
      from(ask()).pipe(
        tap(() => {
          if (failing) trouble.over();
          failing = false;
        }),
        catchError((error: unknown) => {
          if (!failing) trouble.failed(error);
          failing = true;
          return EMPTY;
        }),
      ),
    ),
    filter((answer) => answer !== null),
    map((answer): Answer => answer),
  );
}
