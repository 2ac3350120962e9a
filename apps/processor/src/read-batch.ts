import { isAscii, isUtf8 } from 'node:buffer';
import type { FlaggedReading } from '@canh/core/quality/flagged-reading';
import { readMessage, type MessageContent } from '@canh/core/quality/read-message';
import type { TimeWindow } from '@canh/core/readings/accept-time';
import type { JournalBatch, JournalOffset } from '@canh/core/readings/journal';
import type { Message } from '@canh/core/readings/message';
import type { Quarantined } from '@canh/core/readings/quarantine';
import type { AttributeChange } from '@canh/core/stations/attributes';
import type { KnownDevices } from '@canh/core/stations/known-devices';
import type { Instant } from '@canh/core/time/instant';

/** A stretch of the journal, read: what it holds and where it ends. */
export interface ReadBatch {
  readonly readings: FlaggedReading[];
  readonly quarantined: Quarantined[];
  readonly attributes: AttributeChange[];
  readonly messages: number;
  readonly payloadBytes: number;
  readonly damaged: number;
  readonly next: JournalOffset;
  readonly behindBytes: number;
  /** When the last message in it was received; null in an empty batch. */
  readonly lastReceivedAt: Instant | null;
}

/** Bytes to text without a copy where they are plain ASCII, which telemetry nearly always is; null where they are no UTF-8. */
export function textOf(payload: Uint8Array): string | null {
  const bytes = Buffer.isBuffer(payload)
    ? payload
    : Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  if (isAscii(bytes)) return bytes.toString('latin1');
  return isUtf8(bytes) ? bytes.toString('utf8') : null;
}

export function readBatch(
  { entries, damaged, next, behindBytes }: JournalBatch,
  devices: KnownDevices,
  window: TimeWindow,
): ReadBatch {
  const readings: FlaggedReading[] = [];
  const quarantined: Quarantined[] = [];
  const attributes: ReadBatch['attributes'][number][] = [];
  let payloadBytes = 0;
  for (const { offset, message } of entries) {
    payloadBytes += message.payload.length;
    const content = readMessage(message, textOf(message.payload), devices, window, readings);
    if (content.attributes.length > 0) attributes.push(...content.attributes);
    if (content.faults.length > 0) quarantined.push(...quarantinedOf(offset, message, content.faults));
  }
  const lastReceivedAt = entries.at(-1)?.message.receivedAt ?? null;
  return {
    readings,
    quarantined,
    attributes,
    messages: entries.length,
    payloadBytes,
    damaged,
    next,
    behindBytes,
    lastReceivedAt,
  };
}

/** Enough to see what is wrong with a message; one of 256 KB can hold tens of thousands. */
const MOST_FAULTS_OF_A_MESSAGE = 20;
const NO_BYTES = new Uint8Array();

/** The faults of one message, each by itself; its bytes stand once, with the first of them. */
function quarantinedOf(offset: JournalOffset, message: Message, faults: MessageContent['faults']): Quarantined[] {
  const unsaid = faults.length - MOST_FAULTS_OF_A_MESSAGE;
  return faults.slice(0, MOST_FAULTS_OF_A_MESSAGE).map(({ deviceId, fault: { reason, detail } }, part) => ({
    offset,
    part,
    deviceId,
    receivedAt: message.receivedAt,
    reason,
    detail:
      unsaid > 0 && part === MOST_FAULTS_OF_A_MESSAGE - 1 ? `${detail}; and ${unsaid} more in this message` : detail,
    payload: part === 0 ? Uint8Array.from(message.payload) : NO_BYTES,
  }));
}
