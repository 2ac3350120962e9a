import type { DuckDbSeriesStore } from '@canh/adapters/series-duckdb/duckdb-series-store';
import type { Clock } from '@canh/core/time/instant';
import type { Log } from '@canh/runtime/log';
import type { ProcessorSettings } from './processor.settings.js';

/** Keeps the embedded store in order: days that are over are sealed, and what is old is removed. */
export class SeriesUpkeep {
  /** Files that could not be read, for a person to look at; they are told again after a restart only where they are still in the way. */
  readonly warnings: string[] = [];
  private underWay = false;

  constructor(
    private readonly store: DuckDbSeriesStore,
    private readonly settings: Pick<ProcessorSettings, 'seriesRawDays' | 'series5MinDays' | 'seriesHourlyDays'>,
    private readonly clock: Clock,
    private readonly log: Log,
  ) {}

  async sweep(): Promise<void> {
    if (this.underWay) return;
    this.underWay = true;
    const { seriesRawDays, series5MinDays, seriesHourlyDays } = this.settings;
    try {
      const keep = { raw: seriesRawDays, '5min': series5MinDays, '1h': seriesHourlyDays };
      const { sealed, removed, setAside } = await this.store.maintain(this.clock.now(), keep);
      if (sealed.length > 0) this.log.info({ event: 'series.sealed', files: sealed }, 'days that are over were sealed');
      if (removed.length > 0)
        this.log.info({ event: 'series.removed', files: removed }, 'old files of days were removed');
      for (const { keptAs, reason } of setAside) {
        this.log.error({ event: 'series.file-unread', keptAs, reason }, 'a file of sealed readings is not read');
        this.warnings.push(`a file of sealed readings is not read, see ${keptAs}: ${reason}`);
      }
    } catch (error) {
      this.log.error({ event: 'series.not-maintained', error: (error as Error).message }, 'days could not be sealed');
    } finally {
      this.underWay = false;
    }
  }
}
