import type { JournalOffset } from '@canh/core/readings/journal';
import {
  STORE_PARTS,
  type QuarantineDesk,
  type QuarantinedRecord,
  type QuarantineReason,
} from '@canh/core/readings/quarantine';
import type { Instant } from '@canh/core/time/instant';

/** Rows carry their bytes, so that few are held at once. */
const AT_ONCE = 500;
/** Near these the quarantine lets go of its oldest rows (`SqlQuarantine`), and what is not there need not be missing. */
const NEARLY_FULL = { rows: 95_000, bytes: 480 * 2 ** 20 };
const FOREVER: Instant = 4_102_444_800_000;

export interface MessageRow {
  readonly deviceId: string;
  readonly reason: QuarantineReason;
  readonly detail: string;
  readonly replayed: boolean;
}

/** What stands in quarantine, without the bytes. */
export class QuarantineRows {
  private readonly messages = new Map<JournalOffset, Map<number, MessageRow>>();
  /** Readings that the store did not take, and how many rows say so. */
  private readonly readings = new Map<string, number>();
  private count = 0;
  private bytes = 0;

  static async read(desk: QuarantineDesk): Promise<QuarantineRows> {
    const rows = new QuarantineRows();
    await rows.take(desk, 0, FOREVER);
    return rows;
  }

  /** What its reader found wrong with a message, by part. */
  ofMessage(offset: JournalOffset): ReadonlyMap<number, MessageRow> {
    return this.messages.get(offset) ?? NONE;
  }

  /** Whether there is a row that was not taken yet for a reading that the store did not take. */
  takeReading(deviceId: string, metric: string, key: number, value: number, reason: QuarantineReason): boolean {
    const name = nameOf(deviceId, metric, key, value, reason);
    const left = this.readings.get(name) ?? 0;
    if (left > 0) this.readings.set(name, left - 1);
    return left > 0;
  }

  /** So full that its oldest rows may have gone. */
  get overflowing(): boolean {
    return this.count >= NEARLY_FULL.rows || this.bytes >= NEARLY_FULL.bytes;
  }

  /** By halves of time: rows are asked for by it, but come in the order of the journal, where what was handed in again stands late. */
  private async take(desk: QuarantineDesk, from: Instant, to: Instant): Promise<void> {
    const smallest = to - from <= 1;
    const rows = await desk.newest({ from, to }, smallest ? Number.MAX_SAFE_INTEGER : AT_ONCE);
    if (rows.length < AT_ONCE || smallest) {
      for (const row of rows) this.add(row);
      return;
    }
    const middle = Math.floor((from + to) / 2);
    await this.take(desk, from, middle);
    await this.take(desk, middle, to);
  }

  private add({ offset, part, deviceId, reason, detail, replayedAt, payload }: QuarantinedRecord): void {
    this.count += 1;
    this.bytes += payload.length;
    if (part < STORE_PARTS) {
      const parts = this.messages.get(offset) ?? new Map<number, MessageRow>();
      this.messages.set(offset, parts.set(part, { deviceId, reason, detail, replayed: replayedAt !== null }));
      return;
    }
    const { ts, seq, values } = JSON.parse(Buffer.from(payload).toString()) as StoredStretchPayload;
    for (const [metric, value] of Object.entries(values)) {
      const name = nameOf(deviceId, metric, ts * 1_000 + seq, value, reason);
      this.readings.set(name, (this.readings.get(name) ?? 0) + 1);
    }
  }
}

/** As `StoredStretch.quarantined` writes it. */
interface StoredStretchPayload {
  readonly ts: number;
  readonly seq: number;
  readonly values: Readonly<Record<string, number>>;
}

const NONE: ReadonlyMap<number, MessageRow> = new Map();

const nameOf = (deviceId: string, metric: string, key: number, value: number, reason: QuarantineReason): string =>
  JSON.stringify([deviceId, metric, key, value, reason]);
