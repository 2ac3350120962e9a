import { beforeEach, expect, it, vi } from 'vitest';
import { loadServerKey } from '@canh/adapters/records-sql/server-key';
import { SqlCredentialDesk } from '@canh/adapters/records-sql/sql-credential-desk';
import { HOUR_MS } from '@canh/core/time/instant';
import { attempt, SetClock, startConsole } from '../console-api/console.parts.js';
import { openMutationDoor } from '../faults/mutation/mutation-door.js';
import { connectPacket } from '../faults/mutation/packets.js';
import { RawClient } from '../faults/mutation/raw-client.js';
import { times } from '../faults/process/length.js';

/** What each look at a password was held against: how costly that was stands in front. */
const looks: string[] = [];
// The hash itself is the real one: its cost is what takes the time, and counting it tells more than a clock on a busy machine.
vi.mock('@node-rs/argon2', async (importOriginal) => {
  const argon2 = await importOriginal<typeof import('@node-rs/argon2')>();
  return {
    ...argon2,
    verify: (hashed: string, password: string) => {
      looks.push(hashed);
      return argon2.verify(hashed, password);
    },
  };
});
beforeEach(() => void (looks.length = 0));

const COST = '$argon2id$v=19$m=19456,t=2,p=1';
const costs = (): string[] => looks.map((hashed) => hashed.slice(0, COST.length));
const ADMITTED = '20020000';
const WRONG = '20020004';
const TRIES = times(12, 500);

it(`T26 of ${TRIES} wrong passwords for a person who is there and as many for nobody, each costs one look, and is answered alike`, async () => {
  const clock = new SetClock(Date.UTC(2026, 10, 21));
  const running = await startConsole({ clock });
  const answered = new Set<string>();
  for (let n = 0; n < TRIES; n += 1)
    for (const login of ['admin', `nobody-${n}`]) {
      // Beyond what a few failures in a row hold up.
      clock.pass(HOUR_MS);
      looks.length = 0;
      const { status, body } = await attempt(running, login, `wrong password ${n}`);
      answered.add(`${status} ${JSON.stringify(body)}`);
      expect(costs(), login).toEqual([COST]);
    }
  expect([...answered]).toHaveLength(1);
  await running.close();
});

it('T26 so does each for a device, whether it is there, has a password, has one that Canh made, or has none', async () => {
  const door = await openMutationDoor(3, true);
  const desk = new SqlCredentialDesk(door['records'], await loadServerKey(door['folder']));
  await desk.setPassword('d0', 'mực nước lên');
  await desk.issuePassword('d1');
  const dial = async (username: string, password: string): Promise<string[]> => {
    const client = await RawClient.open(door.port);
    await client.send(connectPacket(username, { password }));
    await client.answered();
    client.hangUp();
    return client.answers;
  };
  await dial('warm-up', 'the hash of nobody is made with the first');
  for (let n = 0; n < 9; n += 1)
    for (const username of ['d0', 'd1', 'd2', `nobody-${n}`]) {
      looks.length = 0;
      expect(await dial(username, `wrong password ${n}`)).toEqual([WRONG]);
      expect(costs(), username).toEqual([COST]);
    }
  expect(await dial('d0', 'mực nước lên')).toEqual([ADMITTED]);
  await door.close();
});
