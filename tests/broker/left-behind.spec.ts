import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadServerKey } from '@canh/adapters/records-sql/server-key';
import { SqlCredentialDesk } from '@canh/adapters/records-sql/sql-credential-desk';
import { eventually } from '../support/eventually.js';
import { MailDoor } from './mail-door.js';
import { field, packet } from './raw-device.js';

const TELEMETRY = 'v1/devices/me/telemetry';
const COMMANDS = 'v1/devices/me/rpc/request/+';

interface Who {
  readonly user: string;
  readonly password?: string;
  readonly id?: string;
  readonly clean?: boolean;
  readonly will?: boolean;
}

/** CONNECT of MQTT 3.1.1. */
function connectPacket({ user, password, id = '', clean = true, will = false }: Who): Buffer {
  const flags = 0x80 | (password === undefined ? 0 : 0x40) | (clean ? 2 : 0) | (will ? 0x0c : 0);
  const fields = [
    field(id),
    ...(will ? [field(TELEMETRY), field('{"level_m":9.9}')] : []),
    field(user),
    ...(password === undefined ? [] : [field(password)]),
  ];
  return packet(0x10, Buffer.concat([field('MQTT'), Buffer.from([4, flags, 0, 60]), ...fields]));
}

const publishPacket = (id: number, payload: string): Buffer =>
  packet(0x32, Buffer.concat([field(TELEMETRY), Buffer.from([id >> 8, id & 255]), Buffer.from(payload)]));
const subscribePacket = (id: number): Buffer =>
  packet(0x82, Buffer.concat([Buffer.from([id >> 8, id & 255]), field(COMMANDS), Buffer.from([1])]));

describe('what a client leaves behind at the MQTT door', () => {
  let mail: MailDoor;

  beforeEach(async () => {
    mail = await MailDoor.open();
  });
  afterEach(() => mail.close());

  it.each([
    { will: false, clean: true },
    { will: false, clean: false },
    { will: true, clean: true },
  ])('is nothing, when it hangs up right behind its CONNECT: %o', async (how) => {
    for (let nth = 0; nth < 50; nth += 1) {
      const socket = connect({ port: mail.port, host: '127.0.0.1' }).on('error', () => undefined);
      socket.resume();
      await once(socket, 'connect');
      socket.end(connectPacket({ user: mail.tokens.a, id: how.clean ? '' : `unit-${nth}`, ...how }));
      await once(socket, 'close');
    }
    await eventually(() => expect(mail.remembered).toEqual({ counted: 0, held: 0 }));
  });

  it('is no will, when its token was withdrawn', async () => {
    const { client } = await mail.connect('a', {
      will: { topic: TELEMETRY, payload: Buffer.from('{"level_m":9.9}'), qos: 1, retain: false },
    });
    const closed = new Promise<void>((resolve) => client.once('close', () => resolve()));
    await mail.revoke('a');
    await mail.dropRevoked();
    await closed;
    const other = await mail.connect('b');
    await other.client.publishAsync(TELEMETRY, '{"level_m":1}', { qos: 1 });
    expect((await mail.journaled()).filter((line) => line.startsWith('telemetry'))).toEqual([
      'telemetry b {"level_m":1}',
    ]);
  });
});

describe('what follows CONNECT while its password is looked at', () => {
  let mail: MailDoor;
  const who = { user: 'a', password: 'mat-khau-dai', id: 'unit', clean: false };

  beforeEach(async () => {
    mail = await MailDoor.open();
    await new SqlCredentialDesk(mail.records, await loadServerKey(mail.folder)).setPassword('a', who.password);
  });
  afterEach(() => mail.close());

  const answers = async (bytes: number, ...sent: readonly Buffer[]): Promise<Buffer> => {
    const socket = connect({ port: mail.port, host: '127.0.0.1' });
    let heard = Buffer.alloc(0);
    socket.on('data', (more) => (heard = Buffer.concat([heard, more])));
    await once(socket, 'connect');
    for (const part of sent) {
      socket.write(part);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await eventually(() => expect(heard.length).toBeGreaterThanOrEqual(bytes));
    socket.destroy();
    return heard;
  };

  it('is taken, also where it is large and came in one piece with it', async () => {
    const readings = `[${Array.from({ length: 400 }, () => '{"level_m":1}').join(',')}]`;
    const heard = await answers(8, Buffer.concat([connectPacket(who), publishPacket(1, readings)]));
    expect([...heard.subarray(0, 2), ...heard.subarray(4, 8)]).toEqual([0x20, 2, 0x40, 2, 0, 1]);
  });

  it('is answered behind CONNACK, and a subscription is one of the session', async () => {
    const heard = await answers(9, connectPacket(who), subscribePacket(7));
    expect([...heard.subarray(0, 2), ...heard.subarray(4)]).toEqual([0x20, 2, 0x90, 3, 0, 7, 1]);
    await eventually(() => expect(mail.mail.store.sessions).toBe(1));
  });
});
