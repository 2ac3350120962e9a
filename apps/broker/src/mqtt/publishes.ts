import type { Client } from 'aedes';
import type { Intake } from '../intake/intake.js';
import type { DeviceMail } from '../mail/device-mail.js';
import type { ClientVerdicts } from './client-verdicts.js';
import { isAnswer, RECEIVED } from './device-topics.js';
import type { DoorAccess } from './door-access.js';
import { CLOSED, FORBIDDEN_TOPIC, TOO_LARGE } from './endings.js';

const NOTHING = Buffer.alloc(0);
/** Of what a device answers to a command; it is kept in the records. */
const MOST_BYTES_OF_ANSWER = 65_536;

/** Of Aedes' packet, what is looked at and changed. */
interface Publish {
  topic: string;
  payload: Buffer | string;
  retain: boolean;
}

type Done = (error?: Error | null) => void;

/** What becomes of a PUBLISH that Aedes has read: it is kept, in the journal or as an answer to a command, before Aedes acknowledges it. */
export class Publishes {
  /** `acknowledgeBefore` sends the acknowledgements of what came before on this connection and was kept without Aedes. */
  constructor(
    private readonly intake: Intake,
    private readonly verdicts: ClientVerdicts,
    private readonly access: Pick<DoorAccess, 'becomesOf'>,
    private readonly mail: Pick<DeviceMail, 'answer'> | null,
    private readonly mostBytes: number,
    private readonly acknowledgeBefore: (client: Client) => void,
  ) {}

  take(client: Client | null, packet: Publish, done: Done): void {
    const deviceId = client === null ? undefined : this.verdicts.admitted(client)?.deviceId;
    // Without a client it is a will that Aedes found left over; those are published before the door opens (left-wills.ts).
    if (client === null || deviceId === undefined) return done(new Error(FORBIDDEN_TOPIC));
    if (this.mail !== null && isAnswer(packet.topic)) return this.takeAnswer(client, deviceId, packet, done);
    const kind = this.access.becomesOf(packet.topic);
    if (kind === undefined) {
      this.verdicts.refuse(client, 'forbidden-topic', `published to ${packet.topic.slice(0, 200)}`);
      return done(new Error(FORBIDDEN_TOPIC));
    }
    const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload;
    if (payload.length > this.mostBytes) {
      this.verdicts.refuse(client, 'too-large', `a payload of ${payload.length} bytes, at most ${this.mostBytes}`);
      return done(new Error(TOO_LARGE));
    }
    if (kind === 'forwarded') return done(null);
    packet.topic = RECEIVED;
    packet.retain = false;
    // It is forwarded to nobody; at QoS 2 Aedes would hold it until the client releases it.
    packet.payload = NOTHING;
    this.intake.take(kind, deviceId, payload, (error) => this.told(client, error, done));
  }

  private takeAnswer(client: Client, deviceId: string, packet: Publish, done: Done): void {
    const { topic } = packet;
    const payload = Buffer.from(packet.payload);
    if (payload.length > MOST_BYTES_OF_ANSWER) {
      const detail = `an answer of ${payload.length} bytes, at most ${MOST_BYTES_OF_ANSWER}`;
      this.verdicts.refuse(client, 'too-large', detail);
      return done(new Error(TOO_LARGE));
    }
    packet.topic = RECEIVED;
    packet.retain = false;
    const told = (error: Error | null): void => this.told(client, error, done);
    this.mail!.answer(deviceId, topic, payload).then(() => told(null), told);
  }

  /** What becomes of a message is known. */
  private told(client: Client, error: Error | null, done: Done): void {
    this.acknowledgeBefore(client);
    // Nobody is there to be told: at QoS 2 Aedes would remember it for a session that has ended, for ever.
    done(error ?? (client.conn.destroyed ? new Error(CLOSED) : null));
  }
}
