import { DuckDbSeriesStore } from '@canh/adapters/series-duckdb/duckdb-series-store';
import { InfluxSeriesStore } from '@canh/adapters/series-influx/influx-series-store';
import type { SeriesStore } from '@canh/core/series/series-store';
import type { ProcessorSettings } from './processor.settings.js';

const INFLUX_ANSWERS_WITHIN_MS = 10_000;

/** The series store that the settings name. `empty`: it was made anew and must be filled from the journal's beginning. */
export async function openSeries(settings: ProcessorSettings): Promise<{ store: SeriesStore; empty: boolean }> {
  const { influxUrl, influxToken, influxOrg, influxBucket, influxVersion } = settings;
  if (influxUrl === null) {
    const { store, rebuilt } = await DuckDbSeriesStore.open(settings.seriesDir);
    return { store, empty: rebuilt };
  }
  const store = await InfluxSeriesStore.open({
    url: influxUrl,
    token: influxToken,
    org: influxOrg,
    bucket: influxBucket,
    version: influxVersion,
    timeoutMs: INFLUX_ANSWERS_WITHIN_MS,
  });
  return { store, empty: false };
}
