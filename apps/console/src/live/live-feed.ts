import {
  concat,
  defer,
  EMPTY,
  firstValueFrom,
  from,
  merge,
  ReplaySubject,
  throwError,
  timer,
  type Observable,
} from 'rxjs';
import { catchError, concatMap, exhaustMap, filter, finalize, map, share, takeUntil, takeWhile } from 'rxjs/operators';
import type { AlertDesk } from '@canh/core/alerts/alert-store';
import type { LiveSeries, PathStatus } from '@canh/core/series/live-series';
import type { Clock } from '@canh/core/time/instant';
import type { AlertView, LiveMessage } from '@canh/contract/views.dto';
import type { Log } from '@canh/runtime/log';
import { within } from '@canh/runtime/within';
import type { Directories } from '../directory.js';
import { tooManyStreams } from '../problem.js';
import type { Sessions } from '../sign-in/sessions.js';
import { alertView } from '../views/alert-view.js';
import { byStation, latestView } from '../views/station-view.js';
import { polled, type Trouble } from './polled.js';

export const MAX_STREAMS = 200;
const BEAT_EVERY_MS = 10_000;
const ALERTS_EVERY_MS = 250;
const LATEST_EVERY_MS = 500;
/** A page that opens waits this long for the processor before it is told of alerts without it. */
const PROCESSOR_WITHIN_MS = 2_000;
/** Alerts in one question to the records, and in one message. */
const MAX_CHANGES = 100;

/** A LiveMessage as it goes out. */
interface Serialised {
  readonly kind: LiveMessage['kind'];
  readonly json: string;
}

const serialised = (message: LiveMessage): Serialised => ({ kind: message.kind, json: JSON.stringify(message) });

/** A message, and the number of the latest alert change that this page was told of: from there it resumes. */
export interface NumberedMessage extends Serialised {
  readonly change: number;
}

interface AlertChangeView {
  readonly change: number;
  readonly alert: AlertView;
}

/** Everything that changed behind `after`, up to `upTo`. */
interface Changes {
  readonly after: number;
  readonly upTo: number;
  readonly changes: readonly AlertChangeView[];
}

/** What goes on, told to every page that listens. Records and processor are asked once for all of them, and only while one listens. */
export class LiveFeed {
  private open = 0;
  private asked: Promise<PathStatus> | null = null;
  private readonly changes: Observable<Changes>;
  private readonly latest: Observable<Serialised | 'started'>;

  constructor(
    private readonly desk: AlertDesk,
    private readonly series: LiveSeries,
    private readonly directories: Directories,
    private readonly sessions: Sessions,
    private readonly clock: Clock,
    private readonly log: Log,
    private readonly streamsChanged: (open: number) => void,
  ) {
    this.changes = defer(() => this.pollChanges()).pipe(shareWhileHeard());
    this.latest = defer(() => this.pollLatest()).pipe(shareWhileHeard());
  }

  /**
   * The stream of one page, until its session ends. It begins with a beat; then alerts that changed after `resumeAfter`, or from now on
   * for a page that brings nothing. What it has missed is told part by part, each after `room`: when the page can take more.
   * Fails with the Problem `too-many-streams` beyond MAX_STREAMS.
   */
  of(tokenHash: string, resumeAfter: number | null, room: () => Promise<void>): Observable<NumberedMessage> {
    return defer(() => {
      if (this.open >= MAX_STREAMS) return throwError(tooManyStreams);
      this.streamsChanged((this.open += 1));
      // Held from before the first beat: what a page asks for after it, together with this stream, leaves no gap.
      const held = this.latest.subscribe();
      return from(this.startingPoint(resumeAfter)).pipe(
        concatMap((change) => this.messages(tokenHash, change, room)),
        takeUntil(this.sessions.ended(tokenHash)),
        // The stream ends and the browser comes back by itself, with the number of what it was told last.
        catchError((error: unknown) => {
          this.log.warn({ err: error }, 'console.stream-failed');
          return EMPTY;
        }),
        finalize(() => {
          held.unsubscribe();
          this.streamsChanged((this.open -= 1));
        }),
      );
    });
  }

  /** A number from the future was given out by records that were since restored: that page is told everything again. */
  private async startingPoint(resumeAfter: number | null): Promise<number> {
    const latest = await this.desk.latestChange();
    if (resumeAfter === null) return latest;
    return resumeAfter > latest ? 0 : resumeAfter;
  }

  private messages(tokenHash: string, from: number, room: () => Promise<void>): Observable<NumberedMessage> {
    let told = from;
    const beats = timer(BEAT_EVERY_MS, BEAT_EVERY_MS).pipe(exhaustMap(() => this.beat(tokenHash)));
    const alerts = this.changes.pipe(
      concatMap((latest) => this.after(told, latest, room)),
      map((changes) => {
        told = changes.at(-1)?.change ?? told;
        return serialised({
          kind: 'alerts',
          now: this.clock.now(),
          change: told,
          alerts: changes.map(({ alert }) => alert),
        });
      }),
    );
    const latest = this.latest.pipe(filter((message) => message !== 'started'));
    return concat(this.firstBeat(tokenHash), merge(beats, alerts, latest)).pipe(
      takeWhile((message) => message !== 'signed-out'),
      map((message): NumberedMessage => ({ ...message, change: told })),
    );
  }

  private firstBeat(tokenHash: string): Observable<Serialised | 'signed-out'> {
    const started = within(PROCESSOR_WITHIN_MS, 'the processor', firstValueFrom(this.latest)).catch(() => null);
    return from(started).pipe(concatMap(() => this.beat(tokenHash)));
  }

  /** The proof of life. There is none while the processor does not answer: what the page shows is then not live, whatever the socket says. */
  private beat(tokenHash: string): Observable<Serialised | 'signed-out'> {
    const asked = async (): Promise<Serialised | 'signed-out'> => {
      if (!(await this.sessions.lasts(tokenHash))) return 'signed-out';
      const { readingsStored, judgeBehindBytes } = await within(
        PROCESSOR_WITHIN_MS,
        'the processor',
        this.series.status(),
      );
      return serialised({ kind: 'beat', now: this.clock.now(), readingsStored, journalBehindBytes: judgeBehindBytes });
    };
    return from(asked()).pipe(
      catchError((error: unknown) => {
        this.log.debug({ err: error }, 'console.no-beat');
        return EMPTY;
      }),
    );
  }

  /** One question for all who ask meanwhile: to a processor that hangs they would only pile up. */
  private status(): Promise<PathStatus> {
    this.asked ??= this.series.status().finally(() => (this.asked = null));
    return this.asked;
  }

  /** What a page that was told everything up to `told` has not heard yet, in parts; nothing when it has. */
  private after(
    told: number,
    { after, upTo, changes }: Changes,
    room: () => Promise<void>,
  ): Observable<readonly AlertChangeView[]> {
    if (upTo <= told) return EMPTY;
    if (after <= told) return from([changes.filter(({ change }) => change > told)]);
    return from(this.missed(told, room));
  }

  private async *missed(told: number, room: () => Promise<void>): AsyncGenerator<readonly AlertChangeView[]> {
    for (let after = told; ;) {
      const changes = await this.changedAfter(after);
      if (changes.length > 0) yield changes;
      if (changes.length < MAX_CHANGES) return;
      after = changes.at(-1)?.change ?? after;
      await room();
    }
  }

  private async changedAfter(after: number): Promise<AlertChangeView[]> {
    const changed = await this.desk.changedAfter(after, MAX_CHANGES);
    if (changed.length === 0) return [];
    const directory = await this.directories.now();
    return changed.map(({ change, alert }) => ({ change, alert: alertView(alert, directory) }));
  }

  private pollChanges(): Observable<Changes> {
    let cursor: number | null = null;
    const ask = async (): Promise<Changes | null> => {
      if (cursor === null) {
        cursor = await this.desk.latestChange();
        return { after: cursor, upTo: cursor, changes: [] };
      }
      const changes = await this.changedAfter(cursor);
      if (changes.length === 0) return null;
      const after = cursor;
      cursor = changes.at(-1)?.change ?? after;
      return { after, upTo: cursor, changes };
    };
    return polled(ALERTS_EVERY_MS, ask, this.troubleWith('records'));
  }

  private pollLatest(): Observable<Serialised | 'started'> {
    let cursor: number | null = null;
    const ask = async (): Promise<Serialised | 'started' | null> => {
      const first = cursor === null;
      const { cursor: next, readings } = await this.series.latestAfter(cursor ?? 0);
      cursor = next;
      // Nobody is told everything: pages ask for that once the stream is open.
      if (first) return 'started';
      if (readings.length === 0) return null;
      const stations = [...byStation(readings)].map(([stationId, its]) => ({ stationId, latest: its.map(latestView) }));
      return serialised({ kind: 'latest', now: this.clock.now(), stations });
    };
    return polled(LATEST_EVERY_MS, ask, this.troubleWith('processor'));
  }

  private troubleWith(part: string): Trouble {
    return {
      failed: (error) => this.log.warn({ part, err: error }, 'console.part-silent'),
      over: () => this.log.info({ part }, 'console.part-answers'),
    };
  }
}

/** One subscription for all who listen, with the latest value for who comes later; none when nobody does. */
const shareWhileHeard = <T>(): ((source: Observable<T>) => Observable<T>) =>
  share({ connector: () => new ReplaySubject<T>(1) });
