import type { AlertView, LatestValueView } from '@canh/contract/views.dto';
import { createContext, useCallback, useContext, useSyncExternalStore } from 'react';
import { standingOf, type Standing } from './standing.js';
import type { ListState, Live, LiveStatus } from './live.js';

const LiveContext = createContext<Live | null>(null);
export const LiveProvider = LiveContext;

export function useLive(): Live {
  const live = useContext(LiveContext);
  if (live === null) throw new Error('useLive outside LiveProvider: wrap the page in it, as app/page.tsx does.');
  return live;
}

/** A row listens to its own alert. */
export function useAlert(id: string): AlertView | undefined {
  const live = useLive();
  const subscribe = useCallback((changed: () => void) => live.onAlert(id, changed), [live, id]);
  return useSyncExternalStore(subscribe, () => live.alert(id));
}

/** Open alerts in the order of importance. */
export function useOpenAlerts(): readonly AlertView[] {
  const live = useLive();
  return useSyncExternalStore(live.onOpen, live.open);
}

/** Something that follows from all open alerts; drawn again only when the answer is another one. */
export function useOfOpenAlerts<Shown extends string | number | boolean | null>(
  of: (open: readonly AlertView[]) => Shown,
): Shown {
  const live = useLive();
  return useSyncExternalStore(live.onOpen, () => of(live.open()));
}

export function useListState(): ListState {
  const live = useLive();
  return useSyncExternalStore(live.onListState, live.listState);
}

/** Whether the list holds all alerts that are open: the server tells of the latest thousand. */
export function useIsComplete(): boolean {
  const live = useLive();
  return useSyncExternalStore(live.onOpen, live.isComplete);
}

export function useLatest(stationId: string): readonly LatestValueView[] | undefined {
  const live = useLive();
  const subscribe = useCallback((changed: () => void) => live.onLatest(stationId, changed), [live, stationId]);
  return useSyncExternalStore(subscribe, () => live.latestOf(stationId));
}

/** How the alert stands now. */
export function useStanding(alert: AlertView): Standing {
  return standingOf(alert, useLatest(alert.stationId));
}

export function useLiveStatus(): LiveStatus {
  const live = useLive();
  return useSyncExternalStore(live.onStatus, live.status);
}

/** Something that follows from the server's clock, asked once a second; drawn again only when the answer is another one. */
export function useClock<Shown extends string | number | boolean | null>(of: (now: number) => Shown): Shown {
  const live = useLive();
  return useSyncExternalStore(live.onTick, () => of(live.now()));
}
