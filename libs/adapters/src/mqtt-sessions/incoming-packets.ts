import type { Client } from './session-parts.js';
import type { Packet, PacketId } from './stored-packet.js';

/**
 * Packets of QoS 2 that came in and are not released yet. They stay in memory for as long as their connection: the journal has them before
 * Aedes looks here, and a reading that comes twice is stored once.
 */
export class IncomingPackets {
  private readonly ofSession = new Map<string, Map<number, Packet>>();

  async keep({ id }: Client, packet: Packet): Promise<void> {
    const packets = this.ofSession.get(id) ?? new Map<number, Packet>();
    this.ofSession.set(id, packets.set(packet.messageId ?? 0, copyOf(packet)));
  }

  async get({ id }: Client, { messageId }: PacketId): Promise<Packet> {
    const packet = this.ofSession.get(id)?.get(messageId ?? 0);
    if (packet === undefined) throw new Error('no such packet');
    return packet;
  }

  async release({ id }: Client, { messageId }: PacketId): Promise<void> {
    const packets = this.ofSession.get(id);
    if (packets?.delete(messageId ?? 0) !== true) throw new Error('no such packet');
    if (packets.size === 0) this.ofSession.delete(id);
  }

  forget(sessionId: string): void {
    this.ofSession.delete(sessionId);
  }
}

function copyOf(packet: Packet): Packet {
  const { cmd, messageId, topic, payload, qos, retain, dup } = packet;
  return { ...(cmd === undefined ? {} : { cmd }), messageId, topic, payload: Buffer.from(payload), qos, retain, dup };
}
