import type { Quarantined, QuarantineReason } from '@canh/core/readings/quarantine';
import type { QuarantinedView, QuarantineView } from '@canh/contract/views.dto';

const EXCERPT_BYTES = 240;

export function quarantineView(
  counts: readonly { reason: QuarantineReason; count: number }[],
  newest: readonly Quarantined[],
): QuarantineView {
  return { counts: counts.map(({ reason, count }) => ({ reason, count })), newest: newest.map(quarantinedView) };
}

const quarantinedView = ({ deviceId, receivedAt, reason, detail, payload }: Quarantined): QuarantinedView => ({
  deviceId: visible(deviceId),
  receivedAt,
  reason,
  detail: visible(detail),
  excerpt: visible(new TextDecoder().decode(payload.subarray(0, EXCERPT_BYTES))),
  bytes: payload.length,
});

/** Control characters and what turns the direction of writing as `\u{…}`: the page must show what came and not obey it. */
const visible = (text: string): string =>
  text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (mark) => `\\u{${(mark.codePointAt(0) ?? 0).toString(16)}}`);
