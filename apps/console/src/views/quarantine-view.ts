import { isUtf8 } from 'node:buffer';
import type { QuarantinedRecord, QuarantineReason } from '@canh/core/readings/quarantine';
import type { QuarantinedView, QuarantineView } from '@canh/contract/views.dto';
import { visible } from './visible.js';

export function quarantineView(
  counts: readonly { reason: QuarantineReason; count: number }[],
  newest: readonly QuarantinedRecord[],
  excerptBytes: number,
): QuarantineView {
  return {
    counts: counts.map(({ reason, count }) => ({ reason, count })),
    newest: newest.map((record) => quarantinedView(record, excerptBytes)),
  };
}

function quarantinedView(record: QuarantinedRecord, excerptBytes: number): QuarantinedView {
  const { offset, part, kind, senderId, deviceId, receivedAt, reason, detail, payload, replayedAt } = record;
  const first = Buffer.from(payload.buffer, payload.byteOffset, Math.min(payload.length, excerptBytes));
  return {
    offset,
    part,
    deviceId: visible(deviceId),
    senderId: visible(senderId),
    receivedAt,
    reason,
    detail: visible(detail),
    excerpt: visible(new TextDecoder().decode(first)),
    hex: isUtf8(payload) ? null : first.toString('hex'),
    bytes: payload.length,
    replayable: kind !== null && payload.length > 0,
    replayedAt,
  };
}
