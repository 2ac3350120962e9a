import type { AlertDesk, AlertStore } from '@canh/core/alerts/alert-store';
import type { FlaggedReading } from '@canh/core/quality/flagged-reading';
import { CANARY, canarySeverity, canaryTransition, type OpenCanaryAlert } from '@canh/core/rules/canary';
import type { SeriesSpan } from '@canh/core/series/series-store';
import { SECOND_MS, type Clock, type Instant } from '@canh/core/time/instant';
import type { Log } from '@canh/runtime/log';

const LONGEST_PAUSE_MS = 15 * SECOND_MS;
const SHORTEST_PAUSE_MS = 250;
/** More than come in within any time that a canary may be missing. */
const MOST_CANARIES = 10_000;

/** What can be asked of the processor, where the path ends. */
export interface FarEnd {
  /** Reads back from the series store, whichever that is. */
  readings(span: SeriesSpan, limit: number): Promise<FlaggedReading[]>;
  /** How far the journal is judged, and its alerts saved. */
  place(withinMs?: number): Promise<{ readonly judged: number }>;
}

export interface CanaryWatchParts {
  readonly farEnd: FarEnd;
  readonly alerts: AlertStore;
  readonly desk: AlertDesk;
  /** So long it may be missing. */
  readonly withinMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Sees that the readings which Canh sends through its own path come out at its end: every report of the broker is one. What stops
 * the path cannot tell of it by that path, so the alert is written to the records from here, and goes to people as every other does.
 *
 * That a canary can be read back says that it was received, written to the journal, handed on by the judge and stored. Where none can, the
 * judge's place in the journal tells whether readings are judged at least: it moves with every canary.
 */
export class CanaryWatch {
  private judgedMs = 0;
  private storedMs = 0;
  private heard = false;
  private newest: Instant | null = null;
  private judgedTo = Number.POSITIVE_INFINITY;
  /** `undefined`: not known yet what the records say. */
  private open: OpenCanaryAlert | null | undefined = undefined;
  private lookedAt = performance.now();
  private timer: NodeJS.Timeout | null = null;
  private looking: Promise<void> = Promise.resolve();
  private stopped = false;
  private failure: string | null = null;

  constructor(private readonly parts: CanaryWatchParts) {}

  /** Canaries come out, as far as was seen: none is missing for longer than it may. */
  get comesThrough(): boolean {
    return this.heard && this.storedMs <= this.parts.withinMs;
  }

  /** Since a canary was last seen at the end of the path, or since the start. */
  get silenceMs(): number {
    return this.storedMs;
  }

  get warnings(): string[] {
    if (this.storedMs <= this.parts.withinMs) return [];
    const severity = canarySeverity({ judgedMs: this.judgedMs, storedMs: this.storedMs }, this.parts.withinMs);
    const what = severity === 'critical' ? 'nothing is judged' : 'nothing can be read back from the store';
    return [`No canary came out of the path for ${Math.round(this.storedMs / SECOND_MS)} s: ${what}.`];
  }

  start(): void {
    this.lookedAt = performance.now();
    this.again();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    if (this.timer !== null) clearTimeout(this.timer);
    await this.looking;
  }

  private again(): void {
    if (this.stopped) return;
    this.timer = setTimeout(() => {
      this.looking = this.look().finally(() => this.again());
    }, this.pauseMs);
  }

  private get pauseMs(): number {
    return Math.max(SHORTEST_PAUSE_MS, Math.min(LONGEST_PAUSE_MS, this.parts.withinMs / 6));
  }

  private async look(): Promise<void> {
    const [stored, judged] = await Promise.all([this.sawStored(), this.sawJudged()]);
    if (this.stopped) return;
    const now = performance.now();
    // A process that was stopped itself for a while, by a debugger or a machine that slept, has not looked and can accuse nobody.
    const passed = Math.min(now - this.lookedAt, this.pauseMs + LONGEST_PAUSE_MS);
    this.lookedAt = now;
    this.storedMs = stored ? 0 : this.storedMs + passed;
    this.judgedMs = stored || judged ? 0 : this.judgedMs + passed;
    this.heard ||= stored;
    try {
      await this.tell();
      this.failure = null;
    } catch (error) {
      const { message } = error as Error;
      if (this.failure !== message)
        this.parts.log.error(
          { event: 'canary.not-told', error: message },
          'the records do not take the canary’s alert',
        );
      this.failure = message;
    }
  }

  private async tell(): Promise<void> {
    const { alerts, clock, withinMs, log } = this.parts;
    if (this.open === undefined) this.open = await this.openInRecords();
    const silence = { judgedMs: this.judgedMs, storedMs: this.storedMs };
    // Before the first one was seen or is overdue, an alert from before the start is neither over nor new.
    if (!this.heard && this.storedMs <= withinMs) return;
    const transition = canaryTransition(this.open, silence, withinMs, clock.now());
    if (transition === null) return;
    await alerts.apply([transition], clock.now());
    this.open = transition.kind === 'returned' ? null : { severity: transition.severity, raisedAt: transition.at };
    const facts = { event: `canary.${transition.kind}`, ...silence, severity: this.open?.severity ?? null };
    if (this.open === null) log.info(facts, 'canaries come out of the path again');
    else log.error(facts, 'no canary comes out of the path');
  }

  private async openInRecords(): Promise<OpenCanaryAlert | null> {
    const all = await this.parts.desk.ofStation(CANARY.stationId, 0, Number.MAX_SAFE_INTEGER);
    const open = all.find(
      ({ ruleId, state }) => ruleId === CANARY.ruleId && (state === 'active' || state === 'acknowledged'),
    );
    return open === undefined ? null : { severity: open.severity, raisedAt: open.raisedAt };
  }

  /** Whether one can be read back that could not before, and that is of now. */
  private async sawStored(): Promise<boolean> {
    const { farEnd, clock, withinMs } = this.parts;
    const now = clock.now();
    const { stationId, metric } = CANARY;
    try {
      const found = await farEnd.readings(
        { stationId, metric, from: now - withinMs, to: now + withinMs },
        MOST_CANARIES,
      );
      const newest = found.reduce((latest, { receivedAt }) => Math.max(latest, receivedAt), 0);
      const isNew = newest !== 0 && newest !== this.newest;
      this.newest = newest;
      return isNew;
    } catch {
      return false;
    }
  }

  private async sawJudged(): Promise<boolean> {
    try {
      const { judged } = await this.parts.farEnd.place();
      const further = judged > this.judgedTo;
      this.judgedTo = this.judgedTo === Number.POSITIVE_INFINITY ? judged : Math.max(this.judgedTo, judged);
      return further;
    } catch {
      return false;
    }
  }
}
