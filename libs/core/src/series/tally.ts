import type { QuarantineReason } from '../readings/quarantine.js';
import type { Instant } from '../time/instant.js';
import { hourOf, type LedgerLine } from './ledger.js';

interface OpenLine extends LedgerLine {
  messages: number;
  received: number;
  stored: number;
  duplicate: number;
  late: number;
  quarantined: Partial<Record<QuarantineReason, number>>;
  missing: number;
}

/** Ledger lines while they are added up. */
export class Tally {
  private readonly byDevice = new Map<string, Map<Instant, OpenLine>>();
  private last: OpenLine | null = null;

  message(deviceId: string, receivedAt: Instant): void {
    this.line(deviceId, hourOf(receivedAt)).messages += 1;
  }

  /** Readings of which `late` are late, counted as stored until the store says otherwise. */
  readings(deviceId: string, receivedAt: Instant, count: number, late: number): void {
    const line = this.line(deviceId, hourOf(receivedAt));
    line.received += count;
    line.stored += count;
    line.late += late;
  }

  fault(deviceId: string, receivedAt: Instant, reason: QuarantineReason): void {
    const line = this.line(deviceId, hourOf(receivedAt));
    line.received += 1;
    line.quarantined[reason] = (line.quarantined[reason] ?? 0) + 1;
  }

  /** Of a reading that `reading` has counted: it was stored before. */
  wasDuplicate(deviceId: string, receivedAt: Instant, late: boolean): void {
    const line = this.notStored(deviceId, receivedAt, late);
    line.duplicate += 1;
  }

  /** Takes one duplicate off a line; false where it has none left. */
  takeDuplicate(deviceId: string, receivedAt: Instant): boolean {
    const line = this.line(deviceId, hourOf(receivedAt));
    if (line.duplicate <= 0) return false;
    line.duplicate -= 1;
    return true;
  }

  /** Whether as many messages with as many readings and as many faults in them came from the same devices in the same hours. */
  holdsAsMuchAs(other: Tally): boolean {
    const [mine, others] = [contentOf(this), contentOf(other)];
    return mine.length === others.length && mine.every((line, at) => line === others[at]);
  }

  /** Of a reading that `reading` has counted: it is in quarantine instead. */
  wasQuarantined(deviceId: string, receivedAt: Instant, late: boolean, reason: QuarantineReason): void {
    const line = this.notStored(deviceId, receivedAt, late);
    line.quarantined[reason] = (line.quarantined[reason] ?? 0) + 1;
  }

  /** Numbers that a device passed over (more than 0), or that came after all (less). */
  missing(deviceId: string, hour: Instant, numbers: number): void {
    this.line(deviceId, hour).missing += numbers;
  }

  add(lines: Iterable<LedgerLine>): void {
    for (const { deviceId, hour, quarantined, ...more } of lines) {
      const line = this.line(deviceId, hour);
      for (const name of ['messages', 'received', 'stored', 'duplicate', 'late', 'missing'] as const)
        line[name] += more[name];
      for (const [reason, count] of Object.entries(quarantined) as [QuarantineReason, number][])
        line.quarantined[reason] = (line.quarantined[reason] ?? 0) + count;
    }
  }

  *lines(): Iterable<LedgerLine> {
    for (const hours of this.byDevice.values()) yield* hours.values();
  }

  private notStored(deviceId: string, receivedAt: Instant, late: boolean): OpenLine {
    const line = this.line(deviceId, hourOf(receivedAt));
    line.stored -= 1;
    if (late) line.late -= 1;
    return line;
  }

  private line(deviceId: string, hour: Instant): OpenLine {
    // Mostly the same device as a moment ago: a message holds several readings.
    if (this.last !== null && this.last.deviceId === deviceId && this.last.hour === hour) return this.last;
    let hours = this.byDevice.get(deviceId);
    if (hours === undefined) this.byDevice.set(deviceId, (hours = new Map()));
    let line = hours.get(hour);
    if (line === undefined) hours.set(hour, (line = emptyLine(deviceId, hour)));
    this.last = line;
    return line;
  }
}

function emptyLine(deviceId: string, hour: Instant): OpenLine {
  return { deviceId, hour, messages: 0, received: 0, stored: 0, duplicate: 0, late: 0, quarantined: {}, missing: 0 };
}

/** What the messages hold, whatever the store says to it. */
function contentOf(tally: Tally): string[] {
  return [...tally.lines()]
    .map(({ deviceId, hour, messages, received, quarantined }) => {
      const { conflict: _known, 'store-refused': _refused, ...faults } = quarantined;
      return {
        deviceId,
        hour,
        counts: [messages, received, Object.values(faults).reduce((sum, count) => sum + count, 0)],
      };
    })
    .filter(({ counts }) => counts.some((count) => count !== 0))
    .map(({ deviceId, hour, counts }) => JSON.stringify([deviceId, hour, ...counts]))
    .toSorted();
}
