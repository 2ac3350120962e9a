import type { Instant } from '../time/instant.js';
import type { Message, MessageKind } from './message.js';

/** The kinds that hold something to be decoded. */
export type ReplayableKind = 'telemetry' | 'gateway-telemetry' | 'attributes';
const REPLAYABLE: ReadonlySet<MessageKind> = new Set<ReplayableKind>(['telemetry', 'gateway-telemetry', 'attributes']);

export type ReplayableMessage = Message & { readonly kind: ReplayableKind };

export const isReplayable = (message: Message): message is ReplayableMessage => REPLAYABLE.has(message.kind);

/** How a payload ends whose values are in their metrics' units, whatever its device sends in: a reading that went to quarantine by itself. */
export const IN_UNIT_ALREADY = ',"converted":true}';

interface Head {
  readonly kind: ReplayableKind;
  readonly receivedAt: Instant;
}

/**
 * What stands before the bytes of a message in the payload of a `replayed` one: `{"kind":…,"receivedAt":…}` and a line feed. It is read as of
 * when it was first received, and accounted for when it was handed in again: what was said of it before stays said.
 */
export function replayedHead({ kind, receivedAt }: Head): string {
  return `${JSON.stringify({ kind, receivedAt } satisfies Head)}\n`;
}

/** The payload of a `replayed` message, taken apart. Throws where no `replayedHead` stands first: nobody else writes such messages. */
export function originalOf(text: string): Head & { readonly text: string } {
  const end = text.indexOf('\n');
  const { kind, receivedAt } = JSON.parse(text.slice(0, end)) as Head;
  return { kind, receivedAt, text: text.slice(end + 1) };
}
