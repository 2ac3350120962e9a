import type { StationView } from '@canh/contract/views.dto';
import type { DeviceKind } from '@canh/core/stations/profile';
import { fold, foldedMatch } from '../text/fold.js';

const kindsInOrder: readonly DeviceKind[] = ['water', 'environmental', 'traffic-camera', 'system'];

/** By kind, then by name as Vietnamese sorts: an order that does not move while values change. */
export function inPlace(stations: readonly StationView[]): StationView[] {
  const collator = new Intl.Collator('vi', { numeric: true });
  return stations.toSorted(
    (a, b) =>
      kindsInOrder.indexOf(a.kind) - kindsInOrder.indexOf(b.kind) ||
      collator.compare(a.names.vi, b.names.vi) ||
      (a.id < b.id ? -1 : 1),
  );
}

/** Everything by which somebody may look for it. */
const foldedTextOf = (station: StationView): string =>
  fold(
    [
      station.id,
      station.names.vi,
      station.names.en,
      station.areaNames.vi,
      station.areaNames.en,
      station.ownerUnit,
    ].join(' '),
  );

export interface StationFilter {
  readonly q: string;
  readonly kind: DeviceKind | null;
}

export const findStations = (stations: readonly StationView[], { q, kind }: StationFilter): StationView[] =>
  stations.filter(
    (station) => (kind === null || station.kind === kind) && (q === '' || foldedMatch(foldedTextOf(station), q)),
  );
