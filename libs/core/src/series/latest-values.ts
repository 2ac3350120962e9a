import type { FlaggedReading } from '../quality/flagged-reading.js';

/** The newest reading of each (station, metric), in memory: a page asks for them twice a second, and a store would be slow to say. */
export class LatestValues {
  private readonly byStation = new Map<string, Map<string, { reading: FlaggedReading; change: number }>>();
  private change: number;

  /** `from` is larger than any cursor given out before a restart would still be answered with: the clock's milliseconds serve. */
  constructor(from: number) {
    this.change = from;
  }

  put(reading: FlaggedReading): void {
    let metrics = this.byStation.get(reading.stationId);
    if (metrics === undefined) this.byStation.set(reading.stationId, (metrics = new Map()));
    const kept = metrics.get(reading.metric)?.reading;
    if (
      kept !== undefined &&
      (reading.measuredAt < kept.measuredAt ||
        (reading.measuredAt === kept.measuredAt && reading.sequence <= kept.sequence))
    )
      return;
    this.change += 1;
    metrics.set(reading.metric, { reading, change: this.change });
  }

  /** What changed after `cursor` (0: everything), and the cursor to ask with next. A cursor from before a restart gets everything. */
  changedAfter(cursor: number): { cursor: number; readings: FlaggedReading[] } {
    const after = cursor > this.change ? 0 : cursor;
    const readings: FlaggedReading[] = [];
    for (const metrics of this.byStation.values())
      for (const { reading, change } of metrics.values()) if (change > after) readings.push(reading);
    return { cursor: this.change, readings };
  }
}
