import { isAscii, isUtf8 } from 'node:buffer';
import type { FlaggedReading } from '@canh/core/quality/flagged-reading';
import { readMessage, type AttributeChange } from '@canh/core/quality/read-message';
import type { TimeWindow } from '@canh/core/readings/accept-time';
import type { JournalBatch, JournalOffset } from '@canh/core/readings/journal';
import type { Quarantined } from '@canh/core/readings/quarantine';
import type { KnownDevices } from '@canh/core/stations/known-devices';
import type { Instant } from '@canh/core/time/instant';

/** A stretch of the journal, read: what it holds and where it ends. */
export interface ReadBatch {
  readonly readings: FlaggedReading[];
  readonly quarantined: Quarantined[];
  readonly attributes: (AttributeChange & { readonly at: Instant })[];
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
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
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
    const content = readMessage(message, textOf(message.payload), devices, window);
    for (const reading of content.readings) readings.push(reading);
    for (const change of content.attributes) attributes.push({ ...change, at: message.receivedAt });
    for (const [part, { deviceId, fault }] of content.faults.entries())
      quarantined.push({
        offset,
        part,
        deviceId,
        receivedAt: message.receivedAt,
        reason: fault.reason,
        detail: fault.detail,
        payload: Buffer.from(message.payload),
      });
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
