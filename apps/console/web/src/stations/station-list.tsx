import type { StationView } from '@canh/contract/views.dto';
import type { DeviceKind } from '@canh/core/stations/profile';
import { Button, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useDeferredValue, useMemo, useState, type ReactNode } from 'react';
import { stationsQuery } from '../api/stations.js';
import { useClock, useLive } from '../live/hooks.js';
import { useText } from '../text/text.js';
import { go, useAddress } from '../ui/address.js';
import { CloseIcon, SearchIcon, WrenchIcon } from '../ui/icons.js';
import { PanelError } from '../ui/panel-error.js';
import { PanelEmpty, PanelLoading } from '../ui/panel-state.js';
import { findStations, inPlace } from './find.js';
import { hearingOf, isOverdue } from './hearing.js';
import style from './station-list.module.css';
import { StationRow } from './station-row.js';

const rowsAtOnce = 200;
const openStation = (id: string): void => go({ station: id, alert: null, metric: null });
const kinds: readonly DeviceKind[] = ['water', 'environmental', 'traffic-camera', 'system'];

/** The search field's mark, by which the key `/` finds it. */
export const searchMark = 'data-station-search';

export function StationList(): ReactNode {
  const { words } = useText();
  const live = useLive();
  const query = useQuery(stationsQuery(live));
  if (query.data === undefined) {
    return query.error === null ? (
      <PanelLoading rows={8} />
    ) : (
      <PanelError error={query.error} again={() => void query.refetch()} busy={query.isFetching} />
    );
  }
  if (query.data.length === 0) return <PanelEmpty title={words.stations.empty} />;
  return <Stations stations={query.data} />;
}

function Stations({ stations }: { stations: readonly StationView[] }): ReactNode {
  const { words } = useText();
  const live = useLive();
  const { q, kind, overdue, station: chosen } = useAddress();
  const searched = useDeferredValue(q);
  const [limit, setLimit] = useState(rowsAtOnce);
  const sorted = useMemo(() => inPlace(stations), [stations]);
  const found = useMemo(() => findStations(sorted, { q: searched, kind }), [sorted, searched, kind]);
  // As text, so that the list is drawn again only when another station falls silent or is heard again.
  const silent = useClock((now) =>
    sorted
      .filter((one) => isOverdue(hearingOf(live.latestOf(one.id) ?? one.latest, one.intervalMs, now)))
      .map(({ id }) => id)
      .join('\n'),
  );
  const silentIds = useMemo(() => new Set(silent === '' ? [] : silent.split('\n')), [silent]);
  const shown = overdue ? found.filter(({ id }) => silentIds.has(id)) : found;

  return (
    <div className={style.stations}>
      <div className={style.tools}>
        <TextInput
          className={style.search ?? ''}
          size="md"
          type="search"
          value={q}
          placeholder={words.stations.search}
          aria-label={words.stations.search}
          leftSection={<SearchIcon />}
          {...{ [searchMark]: '' }}
          rightSection={
            q === '' ? null : (
              <button
                type="button"
                className={style.clear}
                aria-label={words.stations.clearSearch}
                onClick={() => go({ q: '' }, 'replace')}
              >
                <CloseIcon width={16} height={16} />
              </button>
            )
          }
          onChange={(event) => go({ q: event.currentTarget.value }, 'replace')}
          onKeyDown={(event) => {
            if (event.key === 'Escape' && !event.nativeEvent.isComposing) event.currentTarget.blur();
          }}
        />
        <div className={style.filters} role="group" aria-label={words.stations.kinds}>
          {[null, ...kinds].map((one) => (
            <button
              key={one ?? 'all'}
              type="button"
              className={style.filter}
              aria-pressed={kind === one}
              onClick={() => go({ kind: one }, 'replace')}
            >
              {one === null ? words.stations.allKinds : words.stations.kind[one]}
            </button>
          ))}
          <button
            type="button"
            className={style.filter}
            aria-pressed={overdue}
            data-none={silentIds.size === 0}
            data-testid="only-overdue"
            onClick={() => go({ overdue: !overdue }, 'replace')}
          >
            <WrenchIcon width={16} height={16} /> {words.stations.onlyOverdue}{' '}
            <strong className="number">{silentIds.size}</strong>
          </button>
        </div>
      </div>
      {shown.length === 0 ? (
        <PanelEmpty title={words.stations.filteredAway(stations.length)}>
          <Button variant="default" onClick={() => go({ q: '', kind: null, overdue: false }, 'replace')}>
            {words.alerts.clearFilter}
          </Button>
        </PanelEmpty>
      ) : (
        <ol aria-label={words.stations.list} data-testid="station-list">
          {shown.slice(0, limit).map((station, index) => (
            <StationRow
              key={station.id}
              station={station}
              chosen={station.id === chosen}
              place={index + 1}
              of={shown.length}
              open={openStation}
            />
          ))}
        </ol>
      )}
      {shown.length > limit && (
        <button type="button" className={style.more} onClick={() => setLimit(limit + rowsAtOnce)}>
          {words.stations.more(shown.length - limit)}
        </button>
      )}
    </div>
  );
}
