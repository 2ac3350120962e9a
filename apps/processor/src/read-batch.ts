import { isAscii, isUtf8 } from 'node:buffer';
import type { FlaggedReading } from '@canh/core/quality/flagged-reading';
import type { ReadingColumns } from '@canh/core/quality/reading-columns';
import { readMessage, ReadMessages, type MessageContent } from '@canh/core/quality/read-message';
import type { TimeWindow } from '@canh/core/readings/accept-time';
import type { DamagedStretch, JournalBatch, JournalEntry, JournalOffset } from '@canh/core/readings/journal';
import type { Message } from '@canh/core/readings/message';
import type { Quarantined } from '@canh/core/readings/quarantine';
import { isReplayable, originalOf } from '@canh/core/readings/replayed';
import { Tally } from '@canh/core/series/tally';
import type { AttributeChange } from '@canh/core/stations/attributes';
import type { KnownDevices } from '@canh/core/stations/known-devices';
import type { Instant } from '@canh/core/time/instant';

/** A stretch of the journal, read: what it holds and where it ends. */
export interface ReadBatch {
  readonly from: JournalOffset;
  readonly next: JournalOffset;
  readonly entries: readonly JournalEntry[];
  /** Of each entry, the place of its first reading in `readings`. */
  readonly firstReading: readonly number[];
  readonly readings: ReadingColumns;
  readonly quarantined: Quarantined[];
  readonly attributes: AttributeChange[];
  readonly counts: ReadMessages['counts'];
  /** What became of all this if the store takes every reading. */
  readonly tally: Tally;
  readonly payloadBytes: number;
  readonly damaged: number;
  readonly behindBytes: number;
  /** When the last message in it was received; null in an empty batch. */
  readonly lastReceivedAt: Instant | null;
}

/** Room for so many is made; there may be more. */
const READINGS_OF_A_MESSAGE = 6;

/** Bytes to text without a copy where they are plain ASCII, which telemetry nearly always is; null where they are no UTF-8. */
export function textOf(payload: Uint8Array): string | null {
  const bytes = Buffer.isBuffer(payload)
    ? payload
    : Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  if (isAscii(bytes)) return bytes.toString('latin1');
  return isUtf8(bytes) ? bytes.toString('utf8') : null;
}

export function readBatch(
  from: JournalOffset,
  { entries, damaged, next, behindBytes }: JournalBatch,
  devices: KnownDevices,
  window: TimeWindow,
): ReadBatch {
  const read = new ReadMessages(entries.length * READINGS_OF_A_MESSAGE);
  const { readings, counts } = read;
  const firstReading: number[] = [];
  const quarantined: Quarantined[] = [];
  const attributes: AttributeChange[] = [];
  const tally = new Tally();
  let payloadBytes = 0;
  for (const { offset, message } of entries) {
    const { deviceId, receivedAt, payload } = message;
    const first = readings.length;
    firstReading.push(first);
    payloadBytes += payload.length;
    const content = readMessage(message, textOf, devices, window, read);
    tally.message(deviceId, receivedAt);
    tallyReadings(tally, readings, first, receivedAt, window);
    if (content.attributes.length > 0) attributes.push(...content.attributes);
    if (content.faults.length > 0) {
      for (const { deviceId: whose, fault } of content.faults) tally.fault(whose, receivedAt, fault.reason);
      quarantined.push(...quarantinedOf(offset, message, content.faults));
    }
  }
  for (const stretch of damaged) {
    const receivedAt = receivedNear(stretch, entries);
    tally.fault(UNKNOWN, receivedAt, 'damaged');
    quarantined.push(damageOf(stretch, receivedAt));
  }
  const lastReceivedAt = entries.at(-1)?.message.receivedAt ?? null;
  return {
    from,
    next,
    entries,
    firstReading,
    readings,
    quarantined,
    attributes,
    counts,
    tally,
    payloadBytes,
    damaged: damaged.length,
    behindBytes,
    lastReceivedAt,
  };
}

/** What stands before `until`; all of it for null. */
export function cutAt(until: JournalOffset | null, batch: JournalBatch): JournalBatch {
  if (until === null || batch.next <= until) return batch;
  const before = <Placed extends { readonly offset: JournalOffset }>(all: readonly Placed[]): Placed[] =>
    all.filter(({ offset }) => offset < until);
  return { ...batch, entries: before(batch.entries), damaged: before(batch.damaged), next: until };
}

/** Adds those from `first` on, device by device: a message holds several readings. */
function tallyReadings(
  tally: Tally,
  { length, series, measuredAt, receivedAt: cameAt }: ReadingColumns,
  first: number,
  receivedAt: Instant,
  window: TimeWindow,
): void {
  for (let at = first; at < length;) {
    const { deviceId } = series[at]!;
    const from = at;
    let late = 0;
    for (; at < length && series[at]!.deviceId === deviceId; at += 1)
      if (isLate(measuredAt[at]!, cameAt[at]!, window)) late += 1;
    tally.readings(deviceId, receivedAt, at - from, late);
  }
}

export const isLate = (measuredAt: Instant, receivedAt: Instant, { lateMs }: TimeWindow): boolean =>
  measuredAt < receivedAt - lateMs;

/** The readings of the nth message. */
export function readingsOf({ readings, firstReading }: ReadBatch, nth: number): FlaggedReading[] {
  const from = firstReading[nth]!;
  const to = firstReading[nth + 1] ?? readings.length;
  return Array.from({ length: to - from }, (_, at) => readings.at(from + at));
}

/** Enough to see what is wrong with a message; one of 256 KB can hold tens of thousands. */
const MOST_FAULTS_OF_A_MESSAGE = 20;
const NO_BYTES = new Uint8Array();
/** Whose it was cannot be told any more. */
const UNKNOWN = '';

/** The faults of one message, each by itself; its bytes stand once, with the first of them. */
function quarantinedOf(offset: JournalOffset, handedIn: Message, faults: MessageContent['faults']): Quarantined[] {
  const { message, bytes } = asItCame(handedIn);
  const unsaid = faults.length - MOST_FAULTS_OF_A_MESSAGE;
  return faults.slice(0, MOST_FAULTS_OF_A_MESSAGE).map(({ deviceId, fault: { reason, detail } }, part) => ({
    offset,
    part,
    kind: isReplayable(message) ? message.kind : null,
    senderId: message.deviceId,
    deviceId,
    receivedAt: message.receivedAt,
    reason,
    detail:
      unsaid > 0 && part === MOST_FAULTS_OF_A_MESSAGE - 1 ? `${detail}; and ${unsaid} more in this message` : detail,
    payload: part === 0 ? Uint8Array.from(bytes) : NO_BYTES,
  }));
}

/** The message that somebody handed in once more, as it came the first time; any other is what it is. */
function asItCame(message: Message): { message: Message; bytes: Uint8Array } {
  if (message.kind !== 'replayed') return { message, bytes: message.payload };
  const end = message.payload.indexOf(10) + 1;
  const { kind, receivedAt } = originalOf(Buffer.from(message.payload.subarray(0, end)).toString());
  return { message: { ...message, kind, receivedAt }, bytes: message.payload.subarray(end) };
}

/** When something was received that stands where nothing can be read: as its neighbour was. */
function receivedNear({ offset }: DamagedStretch, entries: readonly JournalEntry[]): Instant {
  const before = entries.findLast((entry) => entry.offset < offset);
  return (before ?? entries[0])?.message.receivedAt ?? 0;
}

const damageOf = ({ offset, length, bytes }: DamagedStretch, receivedAt: Instant): Quarantined => ({
  offset,
  part: 0,
  kind: null,
  senderId: UNKNOWN,
  deviceId: UNKNOWN,
  receivedAt,
  reason: 'damaged',
  detail: `${length} bytes of the journal cannot be read`,
  payload: Uint8Array.from(bytes),
});
