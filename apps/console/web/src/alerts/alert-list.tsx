import { Button } from '@mantine/core';
import { useMemo, useRef, useState, type ReactNode } from 'react';
import { createPortal } from 'react-dom';
import { useIsComplete, useListState, useLive, useLiveStatus, useOpenAlerts } from '../live/hooks.js';
import { useText } from '../text/text.js';
import { go, useAddress } from '../ui/address.js';
import { UpIcon } from '../ui/icons.js';
import { PanelError } from '../ui/panel-error.js';
import { PanelEmpty, PanelLoading } from '../ui/panel-state.js';
import style from './alert-list.module.css';
import { AlertRow } from './alert-row.js';
import { passes, unseenCritical } from './filter.js';
import { NewCritical } from './new-critical.js';
import { heldOrder, sameIds } from './held-order.js';
import { useHand } from './use-hand.js';

const rowsAtOnce = 200;
const openAlert = (id: string): void => go({ alert: id, station: null });

/** Open alerts, what to look at first on top; `slot` is where it may say what is new. */
export function AlertList({ slot }: { slot: HTMLElement | null }): ReactNode {
  const { words } = useText();
  const live = useLive();
  const listState = useListState();
  const open = useOpenAlerts();
  const { severity, unacknowledged } = useAddress();
  const matching = useMemo(
    () => open.filter((alert) => passes(alert, { severity, unacknowledged })).map(({ id }) => id),
    [open, severity, unacknowledged],
  );

  if (listState === 'loading') return <PanelLoading rows={8} />;
  if (listState === 'failed') return <PanelError error={null} again={live.fetchList} />;
  return (
    <>
      {/* A changed filter is a new list: nothing of the old one is held. */}
      <Rows key={`${severity}.${unacknowledged}`} matching={matching} slot={slot} />
      {matching.length === 0 &&
        (open.length === 0 ? (
          <Calm />
        ) : (
          <PanelEmpty title={words.alerts.filteredAway(open.length)}>
            <Button variant="default" onClick={() => go({ severity: null, unacknowledged: false }, 'replace')}>
              {words.alerts.clearFilter}
            </Button>
          </PanelEmpty>
        ))}
    </>
  );
}

function Rows({ matching, slot }: { matching: readonly string[]; slot: HTMLElement | null }): ReactNode {
  const { words } = useText();
  const live = useLive();
  const open = useOpenAlerts();
  const { alert: chosen } = useAddress();
  const place = useRef<HTMLDivElement>(null);
  const held = useHand(place);
  const complete = useIsComplete();
  const [shown, setShown] = useState(matching);
  const [limit, setLimit] = useState(rowsAtOnce);
  const { ids, waiting } = heldOrder(shown, matching, held);
  if (!sameIds(ids, shown)) setShown(ids);
  // Only what the table still knows can be drawn: a closed alert that was forgotten leaves its place.
  const drawn = ids.slice(0, limit).filter((id) => live.alert(id) !== undefined);
  const unseen = unseenCritical(open, new Set(drawn));

  return (
    <>
      {/* Beside the counts, where it takes no room from the rows: they must not move. */}
      {slot !== null &&
        createPortal(
          <>
            {waiting.length > 0 && (
              <button
                type="button"
                className={style.waiting}
                onClick={() => setShown(matching)}
                aria-label={words.alerts.newRowsSays(waiting.length)}
                data-testid="new-rows"
              >
                <UpIcon width={16} height={16} /> {words.alerts.newRows(waiting.length)}
              </button>
            )}
            <NewCritical alerts={unseen} />
          </>,
          slot,
        )}
      <div ref={place}>
        <ol aria-label={words.alerts.list} data-testid="alert-list">
          {drawn.map((id, index) => (
            <AlertRow key={id} id={id} chosen={id === chosen} place={index + 1} of={ids.length} open={openAlert} />
          ))}
        </ol>
        {!complete && <p className={style.cut}>{words.alerts.mayBeMore(open.length)}</p>}
        {ids.length > limit && (
          <button type="button" className={style.more} onClick={() => setLimit(limit + rowsAtOnce)}>
            {words.alerts.more(ids.length - limit)}
          </button>
        )}
      </div>
    </>
  );
}

function Calm(): ReactNode {
  const { words, format } = useText();
  const { provedAt } = useLiveStatus();
  return (
    <PanelEmpty
      title={words.alerts.empty}
      {...(provedAt === null ? {} : { says: words.alerts.emptySays(format.clock(provedAt)) })}
    />
  );
}
