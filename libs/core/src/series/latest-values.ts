import type { Flag } from '../quality/flag.js';
import type { FlaggedReading } from '../quality/flagged-reading.js';
import type { ReadingColumns } from '../quality/reading-columns.js';
import type { Series } from '../stations/series.js';
import type { Instant } from '../time/instant.js';

interface Newest {
  series: Series;
  value: number;
  measuredAt: Instant;
  sequence: number;
  receivedAt: Instant;
  flag: Flag;
  change: number;
}

/** The newest reading of each (station, metric), in memory: a page asks for them twice a second, and a store would be slow to say. */
export class LatestValues {
  private readonly byStation = new Map<string, Map<string, Newest>>();
  private readonly bySeries = new WeakMap<Series, Newest>();
  private change: number;

  /** `from` is larger than any cursor given out before a restart would still be answered with: the clock's milliseconds serve. */
  constructor(from: number) {
    this.change = from;
  }

  put({ length, series, value, measuredAt, sequence, receivedAt, flag }: ReadingColumns): void {
    for (let at = 0; at < length; at += 1) {
      const kept = this.bySeries.get(series[at]!) ?? this.newestOf(series[at]!);
      const later = measuredAt[at]! - kept.measuredAt || sequence[at]! - kept.sequence;
      if (later <= 0) continue;
      kept.series = series[at]!;
      kept.value = value[at]!;
      kept.measuredAt = measuredAt[at]!;
      kept.sequence = sequence[at]!;
      kept.receivedAt = receivedAt[at]!;
      kept.flag = flag[at]! as Flag;
      kept.change = this.change += 1;
    }
  }

  /** What changed after `cursor` (0: everything), and the cursor to ask with next. A cursor from before a restart gets everything. */
  changedAfter(cursor: number): { cursor: number; readings: FlaggedReading[] } {
    const after = cursor > this.change ? 0 : cursor;
    const readings: FlaggedReading[] = [];
    for (const metrics of this.byStation.values())
      for (const { series, change, ...numbers } of metrics.values())
        if (change > after) readings.push({ ...series, ...numbers });
    return { cursor: this.change, readings };
  }

  private newestOf(series: Series): Newest {
    let metrics = this.byStation.get(series.stationId);
    if (metrics === undefined) this.byStation.set(series.stationId, (metrics = new Map<string, Newest>()));
    let newest = metrics.get(series.metric);
    if (newest === undefined) metrics.set(series.metric, (newest = { series, ...NONE_YET }));
    this.bySeries.set(series, newest);
    return newest;
  }
}

const NONE_YET = { value: 0, measuredAt: -Infinity, sequence: 0, receivedAt: 0, flag: 1, change: 0 } as const;
