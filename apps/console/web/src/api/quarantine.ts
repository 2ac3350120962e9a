import type { QuarantineView } from '@canh/contract/views.dto';
import { queryOptions } from '@tanstack/react-query';
import { ask } from './client.js';

export const quarantineQuery = queryOptions({
  queryKey: ['quarantine'],
  queryFn: ({ signal }) => ask<QuarantineView>('GET', '/api/quarantine', { signal }),
  refetchInterval: 15_000,
});
