import type { Client } from 'aedes';

/** Of mqtt-packet's packets, what is looked at here. */
interface Packet {
  readonly cmd: string;
  readonly length: number;
  /** Of those that have one; -1 where the packet, and what was read behind it, is too short for it. */
  readonly messageId?: number;
  readonly clientId?: string;
  readonly username?: string;
  readonly password?: Buffer;
  readonly will?: { readonly topic: string };
  readonly topic?: string;
  readonly subscriptions?: readonly { readonly topic: string }[];
  readonly unsubscriptions?: readonly string[];
}

/** Of mqtt-packet 9, and none of its types. */
interface Parser {
  readonly _pos: number;
  emit(event: string, ...about: unknown[]): boolean;
}

/** Words of mqtt-packet. */
const BAD_VERSION = 'Invalid protocol version';
/** MQTT 3.1.1, 3.1.2.2: the one mistake in a CONNECT that is told and not only hung up on. */
const CONNACK_BAD_VERSION = Buffer.from([0x20, 2, 0, 1]);

/** Makes a mistake of what MQTT 3.1.1 forbids and Aedes and its parser let through: Aedes hears of an error, and of no packet. */
export function keepPacketRules(client: Client): void {
  const { _parser: parser } = client as unknown as { readonly _parser: Parser };
  const emit = parser.emit.bind(parser);
  parser.emit = (event, ...about) => {
    if (event === 'error' && (about[0] as Error).message === BAD_VERSION) client.conn.write(CONNACK_BAD_VERSION);
    if (event !== 'packet') return emit(event, ...about);
    // Behind a DISCONNECT, or a mistake, in one piece with it: Aedes would take it all the same.
    if (client.conn.destroyed) return true;
    const { _pos: parsed } = parser;
    const wrong = wrongWith(about[0] as Packet, parsed);
    if (wrong === null) return emit(event, ...about);
    const error = new Error(wrong);
    // By this it knows that it should read on nowhere.
    Object.assign(parser, { error });
    emit('error', error);
    return true;
  };
}

/** `parsed`: bytes of the packet that the parser has looked at. */
function wrongWith(packet: Packet, parsed: number): string | null {
  // The parser goes on reading in the packet behind it.
  if (parsed > packet.length) return `a packet of ${packet.length} bytes that ends in the middle of a field`;
  if (packet.messageId !== undefined && packet.messageId <= 0) return 'no packet id, or 0';
  switch (packet.cmd) {
    case 'connect':
      return wrongWithConnect(packet, parsed);
    case 'publish':
      return isText(packet.topic) ? null : 'a topic that is not UTF-8';
    case 'subscribe':
      return wrongWithFilters(packet.subscriptions?.map(({ topic }) => topic) ?? []);
    case 'unsubscribe':
      return wrongWithFilters(packet.unsubscriptions ?? []);
    default:
      return null;
  }
}

function wrongWithConnect({ length, clientId, username, password, will }: Packet, parsed: number): string | null {
  if (!isText(clientId)) return 'a client id that is not UTF-8';
  if (!isText(username)) return 'a user name that is not UTF-8';
  if (password !== undefined && username === undefined) return 'a password without a user name';
  if (will !== undefined && !isText(will.topic)) return 'a will on a topic that is not UTF-8';
  if (will !== undefined && (will.topic === '' || /[+#]/.test(will.topic))) return 'a will on what is no topic';
  return parsed < length ? `a CONNECT with ${length - parsed} bytes that its flags do not speak of` : null;
}

function wrongWithFilters(filters: readonly string[]): string | null {
  if (filters.length === 0) return 'no topic filter';
  return filters.every(isText) ? null : 'a topic filter that is not UTF-8';
}

/** MQTT 3.1.1, 1.5.3: nor U+0000. The parser has put U+FFFD where it found no UTF-8. */
function isText(text = ''): boolean {
  return !text.includes('\0') && !text.includes('\uFFFD');
}
