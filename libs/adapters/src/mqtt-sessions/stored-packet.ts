/** Of what Aedes hands to its persistence, what is read here. */
export interface Packet {
  cmd?: string;
  brokerId?: string;
  brokerCounter?: number;
  messageId?: number | undefined;
  topic: string;
  payload: Buffer | string;
  qos: number;
  retain: boolean;
  dup: boolean;
  /** Whose will it is. */
  clientId?: string;
  /** It is worth nothing any more from then on, in ms since 1970. */
  messageExpiry?: number;
}

/** A packet that says no more than which it answers: PUBREL. */
export interface PacketId {
  cmd?: string;
  messageId?: number | undefined;
}

export type Row = Readonly<Record<string, unknown>>;

/** What is kept as text of a packet whose payload stands beside it. */
export function headOf(packet: object): string {
  const { payload: _payload, ...head } = packet as { payload?: unknown };
  return JSON.stringify(head);
}

export function withPayload(row: Row): Packet {
  return { ...(JSON.parse(String(row['packet'])) as object), payload: payloadOf(row) } as Packet;
}

export function outgoingOf(row: Row): Packet | PacketId {
  const messageId = numberOf(row['message_id']);
  if (row['cmd'] !== 'publish') return { cmd: String(row['cmd']), messageId };
  const expires = numberOf(row['expires_at']);
  return {
    cmd: 'publish',
    brokerId: String(row['broker_id']),
    brokerCounter: Number(row['broker_counter']),
    topic: String(row['topic']),
    payload: payloadOf(row),
    qos: Number(row['qos']),
    retain: row['retain'] === 1,
    dup: row['dup'] === 1,
    messageId,
    ...(expires === undefined ? {} : { messageExpiry: expires }),
  };
}

export function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

function payloadOf(row: Row): Buffer | string {
  const payload = row['payload'];
  if (typeof payload === 'string') return payload;
  if (!(payload instanceof Uint8Array)) return Buffer.alloc(0);
  return Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
}
