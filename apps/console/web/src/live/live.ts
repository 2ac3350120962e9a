import type { AlertView, LatestValueView, LiveMessage } from '@canh/contract/views.dto';
import { byImportance } from './order.js';
import { AlertTable } from './alert-table.js';
import { freshness, ProofOfLife, type Freshness, type Moment } from './freshness.js';
import { LatestTable } from './latest-table.js';
import { Signals } from './signals.js';
import { Stream } from './stream.js';

/** What the header and the strips say of the connection. */
export interface LiveStatus {
  /** Connecting: no proof of life was asked for long enough to judge. */
  readonly trust: Freshness | 'connecting';
  /** The server's time of the numbers on the page; null before its first word. */
  readonly provedAt: number | null;
  /** Whole seconds since then, or since the page began to ask. */
  readonly silentSeconds: number;
  /** How many alerts had changed when the connection came back; null when that is long ago. */
  readonly resumed: number | null;
  readonly readingsStored: number;
  readonly journalBehindBytes: number;
}

export interface OpenAlerts {
  readonly alerts: readonly AlertView[];
  /** Whether these are all that are open. */
  readonly complete: boolean;
}

/** Whether the list of open alerts is there. */
export type ListState = 'loading' | 'ready' | 'failed';

export interface LiveOptions {
  /** All open alerts, as of now. */
  openAlerts(signal: AbortSignal): Promise<OpenAlerts>;
  /** A connection has begun to tell: what was asked for before may have missed something. */
  connected(): void;
  /** The server asks to sign in again. */
  signedOut(): void;
}

const orderEveryMs = 250;
const resumedShownMs = 15_000;
const listRetryMs = 3_000;
/** Less than this behind is the ordinary distance between the journal and the store. */
export const behindWorthSayingBytes = 1_000_000;

const thisMoment = (): Moment => ({ steady: performance.now(), wall: Date.now() });

/** The stream and what it told, outside React: pages listen to the one thing that they show. */
export class Live {
  private readonly alerts = new AlertTable();
  private readonly latest = new LatestTable();
  private proof = new ProofOfLife();
  private readonly stream: Stream;

  private readonly alertSignals = new Signals<string>();
  private readonly latestSignals = new Signals<string>();
  private readonly signals = new Signals<'order' | 'tick' | 'status' | 'list'>();

  private running: {
    readonly since: Moment;
    readonly timer: ReturnType<typeof setInterval>;
    readonly stop: AbortController;
  } | null = null;
  private readonly changedAlerts = new Set<string>();
  private readonly changedStations = new Set<string>();
  private frameWanted = false;
  private orderWanted = false;
  private orderedAt = -Infinity;
  private ordered: readonly AlertView[] = [];
  private listStateNow: ListState = 'loading';
  private listAsked = 0;
  private listTimer: ReturnType<typeof setTimeout> | undefined;
  private lastChange = 0;
  private complete = true;
  private resumed: { readonly changes: number; readonly at: Moment } | null = null;
  /** Whether this connection has said anything yet. */
  private told = false;
  private outage: { changes: number } | null = null;
  private counters = { readingsStored: 0, journalBehindBytes: 0 };
  private statusNow: LiveStatus = {
    trust: 'connecting',
    provedAt: null,
    silentSeconds: 0,
    resumed: null,
    readingsStored: 0,
    journalBehindBytes: 0,
  };
  private waiting: { readonly id: string; readonly version: number; done(): void; failed(why: Error): void }[] = [];

  constructor(
    url: string,
    private readonly options: LiveOptions,
  ) {
    this.stream = new Stream(url, {
      opened: () => this.opened(),
      message: (message) => this.take(message),
      signedOut: () => options.signedOut(),
    });
  }

  /** Begins to listen for the person who is signed in. */
  start(): void {
    if (this.running !== null) return;
    this.running = { since: thisMoment(), timer: setInterval(() => this.tick(), 1_000), stop: new AbortController() };
    this.stream.start();
    // A page that shows nothing yet does not wait for the first word.
    void this.takeList();
    window.addEventListener('online', this.reconnect);
    this.tick();
  }

  /** Forgets everything: the next person may see other things. */
  stop(): void {
    if (this.running === null) return;
    clearInterval(this.running.timer);
    clearTimeout(this.listTimer);
    this.running.stop.abort();
    this.running = null;
    this.complete = true;
    window.removeEventListener('online', this.reconnect);
    this.stream.stop();
    this.stream.forget();
    this.alerts.clear();
    this.latest.clear();
    this.proof = new ProofOfLife();
    this.ordered = [];
    this.listStateNow = 'loading';
    this.resumed = null;
    this.outage = null;
    this.lastChange = 0;
    for (const one of this.waiting.splice(0)) one.failed(new Error('signed out'));
    this.refreshStatus();
    this.alertSignals.emitAll();
    this.latestSignals.emitAll();
    this.signals.emitAll();
  }

  readonly reconnect = (): void => {
    if (this.running !== null) this.stream.reconnect();
  };

  /** The server's clock; this computer's own before the server said anything. */
  readonly now = (): number => this.proof.serverNow(thisMoment()) ?? Date.now();

  readonly status = (): LiveStatus => this.statusNow;
  readonly onStatus = (changed: () => void): (() => void) => this.signals.on('status', changed);
  /** Once a second: everything that shows an age. */
  readonly onTick = (changed: () => void): (() => void) => this.signals.on('tick', changed);

  /** Open alerts in the order of importance; a new array at most four times a second. */
  readonly open = (): readonly AlertView[] => this.ordered;
  readonly onOpen = (changed: () => void): (() => void) => this.signals.on('order', changed);
  /** Whether the server has told of all that are open. */
  readonly isComplete = (): boolean => this.complete;
  readonly listState = (): ListState => this.listStateNow;
  readonly onListState = (changed: () => void): (() => void) => this.signals.on('list', changed);

  readonly alert = (id: string): AlertView | undefined => this.alerts.get(id);
  readonly onAlert = (id: string, changed: () => void): (() => void) => this.alertSignals.on(id, changed);

  readonly latestOf = (stationId: string): readonly LatestValueView[] | undefined => this.latest.of(stationId);
  readonly onLatest = (stationId: string, changed: () => void): (() => void) =>
    this.latestSignals.on(stationId, changed);

  /** What an answer of the API said of alerts. */
  heardAlerts(alerts: readonly AlertView[]): void {
    this.changed(this.alerts.put(alerts));
  }

  /** What an answer of the API said of stations. */
  heardStations(stations: readonly { readonly id: string; readonly latest: readonly LatestValueView[] }[]): void {
    this.changedLatest(this.latest.put(stations.map(({ id, latest }) => ({ stationId: id, latest }))));
  }

  /** Resolves when the stream has brought this version of the alert, or one after it. */
  reached(id: string, version: number): Promise<void> {
    return new Promise((done, failed) => {
      this.waiting.push({ id, version, done, failed });
      this.settleWaiting();
    });
  }

  /** Asks once more for the list, after it could not be fetched. */
  readonly fetchList = (): void => {
    void this.takeList();
  };

  private opened(): void {
    const silent = this.proof.msSinceProof(thisMoment());
    this.proof.reconnected();
    // A break of a few seconds is not worth a word.
    this.outage = silent !== null && freshness(silent) !== 'live' ? { changes: 0 } : null;
    this.told = false;
  }

  private take(message: LiveMessage): void {
    this.proof.hear(message.now, thisMoment());
    if (!this.told) {
      this.told = true;
      // What is asked for from now on leaves no gap to what the stream tells.
      void this.takeList();
      this.options.connected();
    }
    if (message.kind === 'beat') {
      this.counters = { readingsStored: message.readingsStored, journalBehindBytes: message.journalBehindBytes };
    } else if (message.kind === 'alerts') {
      // Change numbers only grow, unless the server's records were set back: then the table is worth nothing.
      if (message.change < this.lastChange) {
        this.alerts.clear();
        void this.takeList();
      }
      this.lastChange = message.change;
      this.changed(this.alerts.put(message.alerts));
    } else {
      this.changedLatest(this.latest.put(message.stations));
    }
    this.refreshStatus();
  }

  private async takeList(): Promise<void> {
    if (this.running === null) return;
    const { signal } = this.running.stop;
    clearTimeout(this.listTimer);
    this.listAsked += 1;
    const asked = this.listAsked;
    const mark = this.alerts.mark();
    if (this.listStateNow === 'failed') this.setListState('loading');
    try {
      const open = await this.options.openAlerts(signal);
      if (signal.aborted || asked !== this.listAsked) return;
      this.changed(this.alerts.replace(open.alerts, mark, open.complete));
      this.complete = open.complete;
      if (this.outage !== null) this.resumed = { changes: this.outage.changes, at: thisMoment() };
      this.outage = null;
      // The list is shown whole from the first time, not in the rhythm of changes.
      this.order();
      this.setListState('ready');
      this.refreshStatus();
    } catch {
      if (signal.aborted || asked !== this.listAsked) return;
      // What is on the page stays there with the proof of its time; only a page that has nothing says that it failed.
      if (this.listStateNow !== 'ready') this.setListState('failed');
      this.listTimer = setTimeout(() => void this.takeList(), listRetryMs);
    }
  }

  private setListState(state: ListState): void {
    if (this.listStateNow === state) return;
    this.listStateNow = state;
    this.signals.emit('list');
  }

  private changed(ids: readonly string[]): void {
    if (ids.length === 0) return;
    if (this.outage !== null) this.outage.changes += ids.length;
    for (const id of ids) this.changedAlerts.add(id);
    this.orderWanted = true;
    this.settleWaiting();
    this.wantFrame();
  }

  private changedLatest(stationIds: readonly string[]): void {
    if (stationIds.length === 0) return;
    for (const id of stationIds) this.changedStations.add(id);
    this.wantFrame();
  }

  private wantFrame(): void {
    if (this.frameWanted) return;
    this.frameWanted = true;
    const flush = (): void => {
      this.frameWanted = false;
      this.flush();
    };
    // A hidden page draws no frames, but its title still counts.
    if (document.hidden) setTimeout(flush, orderEveryMs);
    else requestAnimationFrame(flush);
  }

  private flush(): void {
    const alerts = [...this.changedAlerts];
    const stations = [...this.changedStations];
    this.changedAlerts.clear();
    this.changedStations.clear();
    for (const id of alerts) this.alertSignals.emit(id);
    for (const id of stations) this.latestSignals.emit(id);
    if (!this.orderWanted) return;
    const wait = this.orderedAt + orderEveryMs - performance.now();
    if (wait <= 0) this.order();
    else
      setTimeout(() => {
        if (this.orderWanted) this.order();
      }, wait);
  }

  private order(): void {
    this.orderWanted = false;
    this.orderedAt = performance.now();
    this.ordered = this.alerts.open().toSorted(byImportance);
    this.signals.emit('order');
  }

  private settleWaiting(): void {
    this.waiting = this.waiting.filter((one) => {
      const known = this.alerts.get(one.id);
      // Closed and gone from the list means that it went past this version.
      if (known !== undefined && known.version < one.version) return true;
      one.done();
      return false;
    });
  }

  private tick(): void {
    this.refreshStatus();
    this.signals.emit('tick');
  }

  private refreshStatus(): void {
    const now = thisMoment();
    const silent = this.proof.msSinceProof(now);
    const waited = this.running === null ? 0 : now.steady - this.running.since.steady;
    if (this.resumed !== null && now.steady - this.resumed.at.steady > resumedShownMs) this.resumed = null;
    const trust = silent !== null ? freshness(silent) : freshness(waited) === 'live' ? 'connecting' : freshness(waited);
    const next: LiveStatus = {
      trust,
      provedAt: this.proof.provedAt(),
      silentSeconds: trust === 'live' ? 0 : Math.floor((silent ?? waited) / 1_000),
      resumed: this.resumed?.changes ?? null,
      ...this.counters,
    };
    const before = this.statusNow;
    const same = (Object.keys(next) as (keyof LiveStatus)[]).every((key) => next[key] === before[key]);
    if (same) return;
    this.statusNow = next;
    this.signals.emit('status');
  }
}
