import type { Client } from 'aedes';

/** Of mqtt-packet's parser as Aedes 1 holds it: `packet.length` is the remaining length that the packet being read has announced. */
interface Parser {
  parse(bytes: Buffer): number;
  readonly packet: { readonly length: number };
}

/**
 * Calls `exceeded` once a packet announces more bytes than `most()` allows at that moment. Its length is known from its first five bytes;
 * without this, the parser would put together 256 MB for anybody, before they have said who they are.
 */
export function boundPackets(client: Client, most: () => number, exceeded: (bytes: number) => void): void {
  const { _parser: parser } = client as unknown as { readonly _parser: Parser };
  const parse = parser.parse.bind(parser);
  parser.parse = (bytes) => {
    const left = parse(bytes);
    if (parser.packet.length > most()) exceeded(parser.packet.length);
    return left;
  };
}
