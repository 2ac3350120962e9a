import type { FlaggedReading } from '../quality/flagged-reading.js';

interface Newest {
  reading: FlaggedReading;
  change: number;
}

/** The newest reading of each (station, metric), in memory: a page asks for them twice a second, and a store would be slow to say. */
export class LatestValues {
  private readonly byStation = new Map<string, Map<string, Newest>>();
  /** The station of the last reading: a message holds several, so mostly it is the next one's, too. */
  private last: { readonly stationId: string; readonly metrics: Map<string, Newest> } | null = null;
  private change: number;

  /** `from` is larger than any cursor given out before a restart would still be answered with: the clock's milliseconds serve. */
  constructor(from: number) {
    this.change = from;
  }

  put(reading: FlaggedReading): void {
    const metrics = this.metricsAt(reading.stationId);
    const kept = metrics.get(reading.metric);
    if (kept === undefined) {
      metrics.set(reading.metric, { reading, change: (this.change += 1) });
      return;
    }
    const { measuredAt, sequence } = kept.reading;
    if (reading.measuredAt < measuredAt || (reading.measuredAt === measuredAt && reading.sequence <= sequence)) return;
    kept.reading = reading;
    kept.change = this.change += 1;
  }

  /** What changed after `cursor` (0: everything), and the cursor to ask with next. A cursor from before a restart gets everything. */
  changedAfter(cursor: number): { cursor: number; readings: FlaggedReading[] } {
    const after = cursor > this.change ? 0 : cursor;
    const readings: FlaggedReading[] = [];
    for (const metrics of this.byStation.values())
      for (const { reading, change } of metrics.values()) if (change > after) readings.push(reading);
    return { cursor: this.change, readings };
  }

  private metricsAt(stationId: string): Map<string, Newest> {
    if (this.last?.stationId === stationId) return this.last.metrics;
    let metrics = this.byStation.get(stationId);
    if (metrics === undefined) this.byStation.set(stationId, (metrics = new Map()));
    this.last = { stationId, metrics };
    return metrics;
  }
}
