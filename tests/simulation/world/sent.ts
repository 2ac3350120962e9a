import type { MessageKind } from '@canh/core/readings/message';

/** One object of a payload as its device means it. */
export interface SentPoint {
  /** Null: as of when it is received. */
  readonly ts: number | null;
  readonly seq: number | null;
  readonly values: Readonly<Record<string, unknown>>;
}

/** What one device says in a message; `fault` where the message as a whole can be no reading. */
export interface SentPart {
  readonly deviceId: string;
  readonly points: readonly SentPoint[];
  readonly fault: string | null;
}

/** A message as its sender knows it: the measure of everything that becomes of it. */
export interface Sent {
  /** Stands in the payload too, so that it is known again in the journal. */
  readonly number: number;
  readonly kind: MessageKind;
  readonly senderId: string;
  readonly payload: Buffer;
  readonly parts: readonly SentPart[];
}

const asJson = ({ ts, seq, values }: SentPoint): unknown =>
  ts === null && seq === null ? values : { ...(ts === null ? {} : { ts }), ...(seq === null ? {} : { seq }), values };

/** A message of a device's own. */
export function telemetry(number: number, deviceId: string, points: readonly SentPoint[]): Sent {
  const body = points.length === 1 ? asJson(points[0]!) : points.map(asJson);
  return {
    number,
    kind: 'telemetry',
    senderId: deviceId,
    payload: numbered(number, JSON.stringify(body)),
    parts: [{ deviceId, points, fault: null }],
  };
}

/** A message of a gateway for those behind it. */
export function behindGateway(
  number: number,
  gatewayId: string,
  said: readonly { readonly deviceId: string; readonly name: string; readonly points: readonly SentPoint[] }[],
): Sent {
  const body = Object.fromEntries(said.map(({ name, points }) => [name, points.map(asJson)]));
  return {
    number,
    kind: 'gateway-telemetry',
    senderId: gatewayId,
    payload: numbered(number, JSON.stringify(body)),
    parts: said.map(({ deviceId, points }) => ({ deviceId, points, fault: null })),
  };
}

/** A message that can be no reading, for that reason. */
export function faulty(number: number, senderId: string, text: string | Buffer, fault: string): Sent {
  const payload = typeof text === 'string' ? numbered(number, text) : Buffer.concat([text, Buffer.from(`${number}`)]);
  return { number, kind: 'telemetry', senderId, payload, parts: [{ deviceId: senderId, points: [], fault }] };
}

/** Blanks behind JSON mean nothing, and tell two payloads apart that say the same. */
function numbered(number: number, text: string): Buffer {
  const blanks = number.toString(2).replaceAll('0', ' ').replaceAll('1', '\t');
  return Buffer.from(`${text}\n${blanks}`);
}
