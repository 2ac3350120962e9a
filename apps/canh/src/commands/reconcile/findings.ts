import type { Instant } from '@canh/core/time/instant';

export type DifferenceKind = 'not-stored' | 'other-value' | 'no-row' | 'ledger';
export type NoteKind = 'readable-now' | 'replayed' | 'was-readable' | 'damaged';

/** Of one device and kind, everything that was found. */
export interface Finding {
  readonly kind: DifferenceKind | NoteKind;
  readonly deviceId: string;
  readonly count: number;
  /** Of what: a metric, a reason of quarantine, a figure of the ledger. */
  readonly what: readonly string[];
  /** The beginnings of the first and the last hour of receiving. */
  readonly hours: { readonly first: Instant; readonly last: Instant } | null;
  /** When the first and the last of them were measured, or received where they are no readings. */
  readonly times: { readonly first: Instant; readonly last: Instant } | null;
}

interface Open {
  kind: Finding['kind'];
  deviceId: string;
  count: number;
  what: Set<string>;
  hours: { first: Instant; last: Instant } | null;
  times: { first: Instant; last: Instant } | null;
}

/** Names kept of one finding; a device has few. */
const MOST_NAMES = 10;

/** What was found, gathered by kind and device. */
export class Findings {
  private readonly open = new Map<string, Open & { isNote: boolean }>();

  difference(kind: DifferenceKind, deviceId: string, what: string, hour: Instant, at: Instant | null, count = 1): void {
    const finding = this.of(kind, deviceId, false);
    finding.count += count;
    if (finding.what.size < MOST_NAMES) finding.what.add(what);
    finding.hours = widened(finding.hours, hour);
    if (at !== null) finding.times = widened(finding.times, at);
  }

  note(kind: NoteKind, deviceId: string, count: number, hour: Instant | null = null): void {
    const finding = this.of(kind, deviceId, true);
    finding.count += count;
    if (hour !== null) finding.hours = widened(finding.hours, hour);
  }

  differences(): Finding[] {
    return this.all(false);
  }

  notes(): Finding[] {
    return this.all(true);
  }

  private all(isNote: boolean): Finding[] {
    return [...this.open.values()]
      .filter((finding) => finding.isNote === isNote)
      .map(({ kind, deviceId, count, what, hours, times }) => ({
        kind,
        deviceId,
        count,
        what: [...what],
        hours,
        times,
      }));
  }

  private of(kind: Finding['kind'], deviceId: string, isNote: boolean): Open {
    const name = `${kind} ${deviceId}`;
    const known = this.open.get(name);
    if (known !== undefined) return known;
    const made = { kind, deviceId, count: 0, what: new Set<string>(), hours: null, times: null, isNote };
    this.open.set(name, made);
    return made;
  }
}

const widened = (span: { first: Instant; last: Instant } | null, at: Instant): { first: Instant; last: Instant } =>
  span === null ? { first: at, last: at } : { first: Math.min(span.first, at), last: Math.max(span.last, at) };
