import type { SessionView } from '@canh/contract/views.dto';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useState, type ReactNode } from 'react';
import { createPortal } from 'react-dom';
import { alertDetailQuery } from '../api/alerts.js';
import { quarantineQuery } from '../api/quarantine.js';
import { stationsQuery } from '../api/stations.js';
import { AlertDetail } from '../alerts/alert-detail.js';
import { AlertList } from '../alerts/alert-list.js';
import { CountsBar } from '../alerts/counts-bar.js';
import { CriticalAnnouncer } from '../alerts/critical-announcer.js';
import { unseenCritical } from '../alerts/filter.js';
import { NewCritical } from '../alerts/new-critical.js';
import { useAcknowledge } from '../alerts/use-acknowledge.js';
import { useListState, useLive, useLiveStatus, useOfOpenAlerts, useOpenAlerts } from '../live/hooks.js';
import { LedgerDetail } from '../ledger/ledger-detail.js';
import { LedgerPanel } from '../ledger/ledger-panel.js';
import { isAcknowledged } from '../live/order.js';
import { QuarantinePanel } from '../quarantine/quarantine-panel.js';
import { StationDetail } from '../stations/station-detail.js';
import { searchMark, StationList } from '../stations/station-list.js';
import { useText } from '../text/text.js';
import type { Words } from '../text/vi.js';
import { go, useAddress, type LineId, type View } from '../ui/address.js';
import { ErrorBoundary } from '../ui/error-boundary.js';
import { BellIcon, BookIcon, BrandMark, StationIcon, TrayIcon } from '../ui/icons.js';
import { useKeys } from '../ui/keys.js';
import { useNarrow } from '../ui/use-narrow.js';
import { Help } from './help.js';
import { LiveStrips } from './live-strips.js';
import { LiveState } from './live-state.js';
import { PersonMenu, Preferences } from './person-menu.js';
import style from './shell.module.css';

/** The page of somebody who is signed in. */
export function Shell({ session }: { session: SessionView }): ReactNode {
  const { words } = useText();
  const live = useLive();
  const { trust } = useLiveStatus();
  const [help, setHelp] = useState(false);
  /** Where a list may say what is new without moving its rows. */
  const [news, setNews] = useState<HTMLElement | null>(null);
  const { view, alert, station, line } = useAddress();
  const opened = view === 'ledger' ? line !== null : alert !== null || station !== null;

  useEffect(() => {
    live.start();
    return () => live.stop();
  }, [live]);
  useTitle();
  useShellKeys(() => setHelp(true));

  return (
    <div className={style.shell} data-trust={trust} data-opened={opened} data-testid="shell">
      <a className={style.skip} href="#list">
        {words.skipToList}
      </a>
      <header className={style.header}>
        <div className={style.brand}>
          <BrandMark />
          <span className={style.name}>{words.product}</span>
          <span className={style.says}>{words.productSays}</span>
        </div>
        <LiveState />
        <Navigation />
        <div className={style.person}>
          <Preferences session={session} />
          <PersonMenu session={session} help={() => setHelp(true)} />
        </div>
      </header>
      <div className={style.strips}>
        <LiveStrips />
      </div>
      <div className={style.counts}>
        <CountsBar />
        <div className={style.news} ref={setNews} />
        <Stored />
      </div>
      <Main news={news} />
      <CriticalAnnouncer />
      <Help opened={help} close={() => setHelp(false)} />
    </div>
  );
}

/** How much has come in since the server started: it grows while all is well. */
function Stored(): ReactNode {
  const { words, format } = useText();
  const { readingsStored, provedAt } = useLiveStatus();
  if (provedAt === null) return null;
  return (
    <span className={`${style.stored} number hatched`}>
      {words.live.readingsStored(format.integer(readingsStored))}
    </span>
  );
}

const views: readonly { readonly view: View; readonly Icon: typeof BellIcon }[] = [
  { view: 'alerts', Icon: BellIcon },
  { view: 'stations', Icon: StationIcon },
  { view: 'ledger', Icon: BookIcon },
  { view: 'quarantine', Icon: TrayIcon },
];

function Navigation(): ReactNode {
  const { words, format } = useText();
  const live = useLive();
  const { view: current } = useAddress();
  const ready = useListState() === 'ready';
  const open = useOfOpenAlerts((alerts) => alerts.length);
  const stations = useQuery(stationsQuery(live)).data?.length;
  const quarantined = useQuery(quarantineQuery).data?.counts.reduce((sum, { count }) => sum + count, 0);
  const count: Record<View, number | undefined> = {
    alerts: ready ? open : undefined,
    stations,
    ledger: undefined,
    quarantine: quarantined,
  };
  return (
    <nav className={style.nav} aria-label={words.nav.views}>
      {views.map(({ view, Icon }) => (
        <button
          key={view}
          type="button"
          className={style.tab}
          aria-current={view === current ? 'page' : undefined}
          data-testid={`view-${view}`}
          onClick={() => go({ view, alert: null, station: null, metric: null, line: null })}
        >
          <Icon />
          <span className={style.tabWord}>{words.nav[view]}</span>
          <span className={style.tabShort}>{shortWord(view, words)}</span>
          <span className={`${style.tabCount} number`}>
            {count[view] === undefined ? '' : format.integer(count[view])}
          </span>
        </button>
      ))}
    </nav>
  );
}

const shortWord = (view: View, { nav }: Words): string =>
  view === 'quarantine' ? nav.quarantineShort : view === 'ledger' ? nav.ledgerShort : nav[view];

/** The list on the left, what was opened from it on the right; on a phone the one covers the other. */
function Main({ news }: { news: HTMLElement | null }): ReactNode {
  const { words } = useText();
  const narrow = useNarrow();
  const { view, alert, station, line } = useAddress();

  if (view === 'ledger') return <LedgerMain news={news} line={line} />;
  if (view === 'quarantine') {
    return (
      <main className={style.main} data-panes="one">
        <CriticalElsewhere slot={news} />
        <div className={style.pane} id="list" tabIndex={-1}>
          <ErrorBoundary>
            <QuarantinePanel />
          </ErrorBoundary>
        </div>
      </main>
    );
  }
  const chosen =
    view === 'alerts' && alert !== null ? `alert ${alert}` : station !== null ? `station ${station}` : null;
  const covered = narrow && chosen !== null;
  return (
    <main className={style.main} data-panes={view}>
      <div className={style.pane} id="list" tabIndex={-1} data-list inert={covered} key={view}>
        <ErrorBoundary>
          {view === 'alerts' ? (
            <>
              <h1 className="sr-only">{words.alerts.title}</h1>
              <AlertList slot={news} />
            </>
          ) : (
            <>
              <h1 className="sr-only">{words.stations.title}</h1>
              <CriticalElsewhere slot={news} />
              <StationList />
            </>
          )}
        </ErrorBoundary>
      </div>
      {(chosen !== null || !narrow) && (
        <div className={style.pane} data-detail data-open={chosen !== null} key={chosen ?? 'none'}>
          <ErrorBoundary>
            {view === 'alerts' && alert !== null ? (
              <AlertDetail id={alert} />
            ) : station !== null ? (
              <StationDetail id={station} />
            ) : view === 'alerts' ? (
              <StationList />
            ) : (
              <p className={style.hint}>{words.stations.choose}</p>
            )}
          </ErrorBoundary>
        </div>
      )}
    </main>
  );
}

/** The ledger over the whole width, or beside the line that was opened. */
function LedgerMain({ news, line }: { news: HTMLElement | null; line: LineId | null }): ReactNode {
  const covered = useNarrow() && line !== null;
  return (
    <main className={style.main} data-panes={line === null ? 'one' : 'ledger'}>
      <CriticalElsewhere slot={news} />
      <div className={style.pane} id="list" tabIndex={-1} data-list inert={covered}>
        <ErrorBoundary>
          <LedgerPanel />
        </ErrorBoundary>
      </div>
      {line !== null && (
        <div className={style.pane} data-detail data-open key={line}>
          <ErrorBoundary>
            <LedgerDetail id={line} />
          </ErrorBoundary>
        </div>
      )}
    </main>
  );
}

/** Where no alerts are listed, every critical one that nobody answered is said above. */
function CriticalElsewhere({ slot }: { slot: HTMLElement | null }): ReactNode {
  const unseen = unseenCritical(useOpenAlerts(), nothingShown);
  return slot === null ? null : createPortal(<NewCritical alerts={unseen} />, slot);
}

const nothingShown: ReadonlySet<string> = new Set();

/** The tab says how many alerts wait for an answer, for who looks at another page. */
function useTitle(): void {
  const { words } = useText();
  const waiting = useOfOpenAlerts((open) => open.filter((alert) => !isAcknowledged(alert)).length);
  const { trust } = useLiveStatus();
  const lost = trust === 'lost' ? `${words.live.lostTitle} · ` : '';
  const title = `${lost}${waiting > 0 ? `(${waiting}) ` : ''}${words.product}`;
  useEffect(() => {
    document.title = title;
  }, [title]);
}

const rowsOf = (): HTMLElement[] => [...document.querySelectorAll<HTMLElement>('[data-list] [data-row]')];

function moveFocus(by: 1 | -1): void {
  const rows = rowsOf();
  const at = rows.findIndex((row) => row === document.activeElement);
  const chosen = rows.findIndex((row) => row.getAttribute('aria-current') === 'true');
  const next = at === -1 ? (chosen === -1 ? 0 : chosen) : Math.min(rows.length - 1, Math.max(0, at + by));
  rows[next]?.focus();
}

function useShellKeys(help: () => void): void {
  const address = useAddress();
  const live = useLive();
  const acknowledge = useAcknowledge();
  const opened = useQuery({ ...alertDetailQuery(address.alert ?? ''), enabled: false }).data?.alert;

  useKeys({
    KeyJ: () => moveFocus(1),
    KeyK: () => moveFocus(-1),
    KeyA: () => {
      // The alert in focus as its row shows it, version and all; without one, the alert whose page is open.
      const row = document.activeElement?.closest<HTMLElement>('[data-alert-id]');
      const id = row?.dataset['alertId'];
      if (row !== null && row !== undefined && id !== undefined) {
        if (row.dataset['state'] === 'active' || row.dataset['state'] === 'returned')
          acknowledge({ id, version: Number(row.dataset['alertVersion']) });
        return;
      }
      const alert = address.alert === null ? undefined : (live.alert(address.alert) ?? opened);
      if (alert !== undefined && !isAcknowledged(alert)) acknowledge(alert);
    },
    Slash: () => {
      const field = document.querySelector<HTMLElement>(`[${searchMark}]`);
      if (field !== null) field.focus();
      else go({ view: 'stations', alert: null, station: null });
      // The list of stations is drawn after this key.
      requestAnimationFrame(() => document.querySelector<HTMLElement>(`[${searchMark}]`)?.focus());
    },
    Help: help,
    Escape: () => {
      const { alert, station, line } = address;
      if (alert === null && station === null && line === null) return;
      go({ alert: null, station: null, metric: null, line: null });
      // Back to the row that it was opened from, so that focus is never lost.
      const row = document.querySelector<HTMLElement>(
        alert !== null
          ? `[data-alert-id="${CSS.escape(alert)}"] [data-row]`
          : station !== null
            ? `[data-station-id="${CSS.escape(station)}"] [data-row]`
            : `[data-line="${CSS.escape(line ?? '')}"] [data-row]`,
      );
      requestAnimationFrame(() => row?.focus());
    },
  });
}
