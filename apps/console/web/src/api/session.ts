import type { SignIn } from '@canh/contract/commands.dto';
import type { SessionView } from '@canh/contract/views.dto';
import { queryOptions, type QueryClient } from '@tanstack/react-query';
import { ApiProblem, ask } from './client.js';

export type SignedIn =
  | { readonly kind: 'in'; readonly session: SessionView }
  | { readonly kind: 'out'; /** It was in, and the server ended it. */ readonly ended: boolean };

export const sessionQuery = queryOptions({
  queryKey: ['session'],
  queryFn: async ({ signal }): Promise<SignedIn> => {
    try {
      return { kind: 'in', session: await ask<SessionView>('GET', '/api/session', { signal }) };
    } catch (error) {
      if (error instanceof ApiProblem && error.status === 401) return { kind: 'out', ended: false };
      throw error;
    }
  },
  staleTime: Infinity,
});

export async function signIn(client: QueryClient, credentials: SignIn): Promise<void> {
  await ask('POST', '/api/session', { body: credentials });
  await client.fetchQuery({ ...sessionQuery, staleTime: 0 });
}

export async function signOut(client: QueryClient): Promise<void> {
  await ask('DELETE', '/api/session');
  forget(client, false);
}

/** The server does not know this session any more. */
export function sessionEnded(client: QueryClient): void {
  if (client.getQueryData(sessionQuery.queryKey)?.kind === 'in') forget(client, true);
}

/** What one person was shown is not kept for the next. */
function forget(client: QueryClient, ended: boolean): void {
  const out: SignedIn = { kind: 'out', ended };
  client.setQueryData(sessionQuery.queryKey, out);
  client.removeQueries({ predicate: (query) => query.queryKey[0] !== 'session' });
  client.getMutationCache().clear();
}
