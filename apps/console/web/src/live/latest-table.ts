import type { LatestValueView } from '@canh/contract/views.dto';

/** The newest values of the stations, whatever the order in which they are told. */
export class LatestTable {
  private readonly stations = new Map<string, readonly LatestValueView[]>();

  of(stationId: string): readonly LatestValueView[] | undefined {
    return this.stations.get(stationId);
  }

  /** Takes over what is newer than what is known. Returns the stations that changed. */
  put(stations: readonly { readonly stationId: string; readonly latest: readonly LatestValueView[] }[]): string[] {
    const changed: string[] = [];
    for (const { stationId, latest } of stations) {
      const known = this.stations.get(stationId) ?? [];
      const next = newest(known, latest);
      if (next === known && this.stations.has(stationId)) continue;
      this.stations.set(stationId, next);
      changed.push(stationId);
    }
    return changed;
  }

  clear(): void {
    this.stations.clear();
  }
}

/** The same array where nothing is newer, so that nothing is drawn again for it. */
function newest(known: readonly LatestValueView[], told: readonly LatestValueView[]): readonly LatestValueView[] {
  const byMetric = new Map(known.map((value) => [value.metric, value]));
  let changed = false;
  for (const value of told) {
    const before = byMetric.get(value.metric);
    if (before !== undefined && !isNewer(value, before)) continue;
    byMetric.set(value.metric, value);
    changed = true;
  }
  return changed ? [...byMetric.values()] : known;
}

/** By its own time; of two for the same time the one that came later, since it is the correction. */
function isNewer(value: LatestValueView, than: LatestValueView): boolean {
  return (
    value.measuredAt > than.measuredAt || (value.measuredAt === than.measuredAt && value.receivedAt > than.receivedAt)
  );
}
