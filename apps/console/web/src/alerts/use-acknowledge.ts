import type { AlertView } from '@canh/contract/views.dto';
import { useMutationState, useQueryClient } from '@tanstack/react-query';
import { useCallback } from 'react';
import { acknowledge, oneAlert } from '../api/alerts.js';
import { ApiProblem, NoAnswer } from '../api/client.js';
import { useLive } from '../live/hooks.js';
import type { Live } from '../live/live.js';
import type { Format } from '../text/format.js';
import type { Words } from '../text/vi.js';
import { problemWords } from '../ui/panel-error.js';

/** Which alert, and which version of it the officer saw. Rows move; this does not. */
export interface Seen {
  readonly id: string;
  readonly version: number;
}

/** The server answered that somebody or something was quicker. */
export class Conflict extends Error {
  constructor(
    readonly kind: 'already' | 'stale' | 'gone',
    /** The alert as it is now, where the server still has it. */
    readonly alert: AlertView | null,
  ) {
    super(`acknowledge: ${kind}`);
    this.name = 'Conflict';
  }
}

/** Sends it, and is done only when the stream has brought the change: until then the page says "being sent". */
async function acknowledgeAndSee(live: Live, seen: Seen): Promise<void> {
  try {
    const answered = await acknowledge(seen);
    await live.reached(answered.id, answered.version);
  } catch (error) {
    if (!(error instanceof ApiProblem) || (error.status !== 409 && error.status !== 404)) throw error;
    throw await conflictOf(live, seen, error);
  }
}

async function conflictOf(live: Live, seen: Seen, refusal: ApiProblem): Promise<Error> {
  if (refusal.status === 404) return new Conflict('gone', null);
  const kind = refusal.code === 'alert-stale' ? 'stale' : 'already';
  try {
    const { alert } = await oneAlert(seen.id);
    live.heardAlerts([alert]);
    return new Conflict(kind, alert);
  } catch {
    return new Conflict(kind, null); // the refusal stands, only without the name
  }
}

export type Answering =
  | { readonly kind: 'none' }
  | { readonly kind: 'sending' }
  /** What the server or the network answered instead, for the row to show. */
  | { readonly kind: 'refused'; readonly error: Error };

const keyOf = (id: string): readonly string[] => ['acknowledge', id];

/** What is going on with the acknowledgement of this alert: the same for its row and for its open detail. */
export function useAnswering(id: string): Answering {
  const states = useMutationState({
    filters: { mutationKey: keyOf(id), exact: true },
    select: ({ state }): Answering => {
      if (state.status === 'pending') return { kind: 'sending' };
      return state.status === 'error' && state.error !== null
        ? { kind: 'refused', error: state.error }
        : { kind: 'none' };
    },
  });
  return states.at(-1) ?? { kind: 'none' };
}

/** How to acknowledge; a second press while the first is on its way does nothing. */
export function useAcknowledge(): (seen: Seen) => void {
  const live = useLive();
  const client = useQueryClient();
  return useCallback(
    (seen) => {
      if (client.isMutating({ mutationKey: keyOf(seen.id), exact: true }) > 0) return;
      // Built in the cache and not by a component: the row may be gone before the answer comes.
      const mutation = client.getMutationCache().build(client, {
        mutationKey: keyOf(seen.id),
        mutationFn: (which: Seen) => acknowledgeAndSee(live, which),
        // An answer other than "yes" stays readable for a while.
        gcTime: 60_000,
      });
      // What went wrong is shown from the cache, by useAnswering.
      mutation.execute(seen).catch(() => undefined);
    },
    [client, live],
  );
}

/** `Lê T. Bình đã xác nhận lúc 02:13` */
export function refusalWords(
  error: Error,
  now: number,
  { words, format }: { readonly words: Words; readonly format: Format },
): string {
  // Nobody knows whether a request without an answer was done.
  if (error instanceof NoAnswer) return words.alerts.notKnown;
  if (!(error instanceof Conflict)) return words.alerts.notSent(problemWords(error, words));
  if (error.kind === 'gone') return words.alerts.conflictGone;
  if (error.kind === 'stale') return words.alerts.conflictStale;
  const { acknowledgedBy = null, acknowledgedAt = null } = error.alert ?? {};
  if (acknowledgedBy === null || acknowledgedAt === null) return words.alerts.conflictAlready;
  return words.alerts.conflictBy(acknowledgedBy, format.moment(acknowledgedAt, now));
}
