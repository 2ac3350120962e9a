import type { DuckDbSeriesStore } from '@canh/adapters/series-duckdb/duckdb-series-store';
import type { Clock, Instant } from '@canh/core/time/instant';
import type { Log } from '@canh/runtime/log';
import type { ProcessorSettings } from './processor.settings.js';
import { SteadyClock } from './steady-clock.js';

const FOR_EVER = { raw: Infinity, '5min': Infinity, '1h': Infinity };

/** Keeps the embedded store in order: days that are over are sealed, and what is old is removed. */
export class SeriesUpkeep {
  private readonly unread: string[] = [];
  private undone: string[] = [];
  private underWay = false;

  constructor(
    private readonly store: DuckDbSeriesStore,
    private readonly settings: Pick<ProcessorSettings, 'seriesRawDays' | 'series5MinDays' | 'seriesHourlyDays'>,
    private readonly clock: Clock,
    private readonly log: Log,
    private readonly steady = new SteadyClock(clock),
  ) {}

  /**
   * For a person to look at: files that could not be read, told again after a restart only where they are still in the way; and what
   * could not be done with a day, until it is.
   */
  get warnings(): readonly string[] {
    return [...this.unread, ...this.undone];
  }

  /** Why the store is gone until the next start, or null. */
  get storeLost(): string | null {
    return this.store.lost;
  }

  /** When the oldest reading came in that no sealed file has; null where there is none. Rejects with StoreUnavailable. */
  oldestUnsealed(): Promise<Instant | null> {
    return this.store.oldestUnsealed();
  }

  async sweep(): Promise<void> {
    if (this.underWay) return;
    this.underWay = true;
    const { seriesRawDays, series5MinDays, seriesHourlyDays } = this.settings;
    try {
      const keep =
        (await this.steady.doubt()) === null
          ? { raw: seriesRawDays, '5min': series5MinDays, '1h': seriesHourlyDays }
          : FOR_EVER;
      const { sealed, removed, setAside, failed } = await this.store.maintain(this.clock.now(), keep);
      if (sealed.length > 0) this.log.info({ event: 'series.sealed', files: sealed }, 'days that are over were sealed');
      if (removed.length > 0)
        this.log.info({ event: 'series.removed', files: removed }, 'old files of days were removed');
      for (const { keptAs, reason } of setAside) {
        this.log.error({ event: 'series.file-unread', keptAs, reason }, 'a file of sealed readings is not read');
        this.unread.push(`a file of sealed readings is not read, see ${keptAs}: ${reason}`);
      }
      for (const { what, reason } of failed)
        this.log.error({ event: 'series.not-maintained', what, error: reason }, 'a day could not be sealed');
      this.undone = failed.map(
        ({ what, reason }) => `readings of ${what} are not sealed, and stay in the journal: ${reason}`,
      );
    } catch (error) {
      const { message } = error as Error;
      this.log.error({ event: 'series.not-maintained', error: message }, 'days could not be sealed');
      this.undone = [`days that are over could not be sealed, and stay in the journal: ${message}`];
    } finally {
      this.underWay = false;
    }
  }
}
