import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Contact, Delivery } from '@canh/core/dispatch/notice';
import type { Transition } from '@canh/core/rules/transition';
import { HOUR_MS, MINUTE_MS } from '@canh/core/time/instant';
import { openRecordsAt, type Records } from './records.parts.js';
import { changed, NIGHT, raised } from './records.story.js';

const BOUNDS = {
  windowMs: 10 * MINUTE_MS,
  any: 2,
  first: 2,
  critical: 2,
  digestWaitMs: MINUTE_MS,
  digestEveryMs: 30 * MINUTE_MS,
  digestIncidents: 50,
};
const lan: Contact = {
  id: 'lan',
  name: 'Lan',
  channel: 'email',
  address: 'lan@mistyped.example',
  language: 'vi',
  fromSeverity: 'warning',
};
let folder: string;
let records: Records;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'canh-proof-'));
  records = await openRecordsAt(join(folder, 'records.sqlite'));
});
afterEach(async () => {
  await records.close();
  await rm(folder, { recursive: true });
});
const said = async (at: number, ...words: readonly Transition[]): Promise<void> => {
  await records.alertStore.apply(words, at);
  await records.outbox.plan(await records.outbox.unplanned(100), await records.contactBook.list(), BOUNDS, at);
};
const due = async (at: number) =>
  (await records.outbox.due(at, 100, 'email')).map((found: Delivery) => ({
    kind: found.kind,
    to: found.contact.address,
    says: (found.kind === 'single' ? [found.notice] : found.notices).map(
      ({ alert, event }) => `${alert.stationId} ${event}`,
    ),
  }));

describe('what waited for an address that nobody has confirmed', () => {
  it('goes to the address that was put right and confirmed, and not to the wrong one', async () => {
    await records.contactBook.put(lan, false);
    await said(NIGHT, raised('thach-han', NIGHT, 'critical'));
    await records.contactBook.put({ ...lan, address: 'lan@quangtri.example' }, false);
    const [asked] = await records.contactBook.unconfirmed();
    expect(await records.contactBook.confirm('lan', asked?.code ?? '')).toBe(true);
    await records.outbox.closeDigests(BOUNDS, NIGHT + HOUR_MS);
    expect(await due(NIGHT + HOUR_MS)).toEqual([
      { kind: 'digest', to: 'lan@quangtri.example', says: ['thach-han raised'] },
    ]);
  });
  it('never goes to it when the contact is removed', async () => {
    await records.contactBook.put(lan, false);
    await said(NIGHT, raised('thach-han', NIGHT, 'critical'));
    await records.contactBook.remove('lan');
    await records.outbox.closeDigests(BOUNDS, NIGHT + HOUR_MS);
    expect(await due(NIGHT + HOUR_MS)).toEqual([]);
  });
});

it('a digest for an address that was confirmed goes there at its time, though the new address waits for its code', async () => {
  await records.contactBook.put(lan);
  await said(NIGHT, ...['a', 'b', 'c'].map((station) => raised(station, NIGHT, 'critical')));
  await records.contactBook.put({ ...lan, address: 'new@quangtri.example' }, false);
  expect(await records.outbox.closeDigests(BOUNDS, NIGHT + 7 * 24 * HOUR_MS)).toBe(1);
});

describe('a digest that was begun by an urgent notice', () => {
  // Written in this order; planned with the urgent ones first, so the digest begins with 'd' and takes 'a', which was written before.
  const begin = async () => {
    await records.contactBook.put(lan);
    await said(NIGHT, raised('a', NIGHT), ...['b', 'c', 'd'].map((station) => raised(station, NIGHT, 'critical')));
    for (const { id } of await records.outbox.due(NIGHT, 10, 'email'))
      await records.outbox.record(
        id,
        { at: NIGHT, outcome: { kind: 'accepted', answer: '250' } },
        { state: 'accepted', nextAttemptAt: null },
      );
  };
  it('knows of what was written before that one: nothing of the alert overtakes it', async () => {
    await begin();
    // Nothing closes digests here: a notifier that was stopped for so long plans before it closes nothing else; the window is over.
    await said(NIGHT + 11 * MINUTE_MS, changed('a', NIGHT + 11 * MINUTE_MS, 'warning', 'major'));
    expect((await due(NIGHT + 11 * MINUTE_MS)).filter(({ says }) => says[0]?.startsWith('a '))).toEqual([]);
  });
  it('goes with the single message that says that it became critical', async () => {
    await begin();
    await said(NIGHT + 11 * MINUTE_MS, changed('a', NIGHT + 11 * MINUTE_MS, 'warning', 'critical'));
    const alert = `river-level.a.${(NIGHT - 10 * MINUTE_MS).toString(36)}`;
    const told = await records.outbox.ofAlert(alert);
    expect(new Set(told.map(({ deliveryId }) => deliveryId)).size).toBe(1);
  });
  it('is not sent empty', async () => {
    await begin();
    const [t1, t2] = [NIGHT + 1_000, NIGHT + 11 * MINUTE_MS];
    await said(t1, changed('a', t1, 'warning', 'major'));
    await said(t2, changed('a', t2, 'major', 'critical'), changed('d', t2, 'critical', 'major'));
    await said(t2 + 1, changed('d', t2 + 1, 'major', 'critical'));
    await records.outbox.closeDigests(BOUNDS, NIGHT + 2 * HOUR_MS);
    const found = await due(NIGHT + 2 * HOUR_MS);
    expect(found.filter(({ says }) => says.length === 0)).toEqual([]);
  });
});
