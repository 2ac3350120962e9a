import { localStorageColorSchemeManager, MantineProvider } from '@mantine/core';
import { MutationCache, QueryCache, QueryClient, QueryClientProvider, useQuery } from '@tanstack/react-query';
import { useEffect, useMemo, useState, type ReactNode } from 'react';
import { openAlerts } from '../api/alerts.js';
import { ApiProblem } from '../api/client.js';
import { sessionEnded, sessionQuery } from '../api/session.js';
import { LiveProvider } from '../live/hooks.js';
import { Live } from '../live/live.js';
import { makeText } from '../text/make-text.js';
import { TextProvider } from '../text/text.js';
import { ErrorBoundary } from '../ui/error-boundary.js';
import { PanelError } from '../ui/panel-error.js';
import { useTaste } from '../ui/taste.js';
import { Shell } from './shell.js';
import { SignInPage } from './sign-in-page.js';
import { theme } from './theme.js';

const colorScheme = localStorageColorSchemeManager({ key: 'canh.theme' });
const homeTimezone = 'Asia/Ho_Chi_Minh';

function makeClient(): QueryClient {
  const onError = (error: Error): void => {
    if (error instanceof ApiProblem && error.status === 401) sessionEnded(client);
  };
  const client: QueryClient = new QueryClient({
    queryCache: new QueryCache({ onError }),
    mutationCache: new MutationCache({ onError }),
    defaultOptions: {
      queries: {
        // The browser's own opinion of being online is often wrong; a question that cannot be asked fails and says so.
        networkMode: 'always',
        retry: (failures, error) => failures < 2 && !(error instanceof ApiProblem && error.status < 500),
        refetchIntervalInBackground: false,
      },
      // Nothing that a person pressed is kept for later or sent twice.
      mutations: { networkMode: 'always', retry: false },
    },
  });
  return client;
}

/** Everything that all pages share. */
export function Page(): ReactNode {
  const [client] = useState(makeClient);
  const [live] = useState(
    () =>
      new Live('/api/live', {
        openAlerts,
        connected: () => void client.invalidateQueries({ predicate: (query) => query.queryKey[0] !== 'session' }),
        signedOut: () => sessionEnded(client),
      }),
  );
  return (
    <MantineProvider
      theme={theme}
      colorSchemeManager={colorScheme}
      defaultColorScheme="auto"
      withCssVariables={false}
      withGlobalClasses={false}
    >
      <QueryClientProvider client={client}>
        <LiveProvider value={live}>
          <InTheirLanguage />
        </LiveProvider>
      </QueryClientProvider>
    </MantineProvider>
  );
}

function InTheirLanguage(): ReactNode {
  const taste = useTaste();
  const { data, error, refetch, isFetching } = useQuery(sessionQuery);
  const session = data?.kind === 'in' ? data.session : null;
  const language = taste.language ?? session?.operator.language ?? 'vi';
  const timezone = session?.timezone ?? homeTimezone;
  const text = useMemo(() => makeText(language, timezone), [language, timezone]);

  useEffect(() => {
    document.documentElement.lang = language;
  }, [language]);

  return (
    <TextProvider text={text}>
      <ErrorBoundary>
        {session !== null ? (
          <Shell key={session.operator.id} session={session} />
        ) : data?.kind === 'out' ? (
          <SignInPage ended={data.ended} />
        ) : error !== null ? (
          <PanelError error={error} again={() => void refetch()} busy={isFetching} />
        ) : null}
      </ErrorBoundary>
    </TextProvider>
  );
}
