import { DuckDbSeriesStore } from '@canh/adapters/series-duckdb/duckdb-series-store';
import { InfluxSeriesStore } from '@canh/adapters/series-influx/influx-series-store';
import type { SeriesStore } from '@canh/core/series/series-store';
import type { Log } from '@canh/runtime/log';
import { systemClock } from '@canh/runtime/system-clock';
import type { ProcessorSettings } from './processor.settings.js';
import { SeriesUpkeep } from './series-upkeep.js';
import { SteadyClock } from './steady-clock.js';

const INFLUX_ANSWERS_WITHIN_MS = 10_000;

/**
 * The series store that the settings name. `empty`: it holds nothing yet and must be filled from the journal's beginning. `upkeep`: null
 * where a server sees to that by itself.
 */
export async function openSeries(
  settings: ProcessorSettings,
  log: Log,
  steady = new SteadyClock(systemClock),
): Promise<{ store: SeriesStore; empty: boolean; upkeep: SeriesUpkeep | null }> {
  const { influxUrl, influxToken, influxOrg, influxBucket, influxVersion } = settings;
  if (influxUrl === null) {
    const { store, rebuilt, setAside } = await DuckDbSeriesStore.open(settings.seriesDir);
    if (setAside !== null)
      log.error(
        { event: 'series.set-aside', ...setAside },
        `the series store would not open and is kept as ${setAside.keptAs}`,
      );
    return { store, empty: rebuilt, upkeep: new SeriesUpkeep(store, settings, systemClock, log, steady) };
  }
  const store = await InfluxSeriesStore.open({
    url: influxUrl,
    token: influxToken,
    org: influxOrg,
    bucket: influxBucket,
    version: influxVersion,
    timeoutMs: INFLUX_ANSWERS_WITHIN_MS,
  });
  return { store, empty: false, upkeep: null };
}
