import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Alert } from '../alerts/alert.js';
import type { NoticeEvent } from '../alerts/lifecycle.js';
import { SEVERITIES, type Severity } from '../rules/rule.js';
import { HOUR_MS, MINUTE_MS, SECOND_MS, type Instant } from '../time/instant.js';
import { completeDigests, HELD_AT_MOST_MS, planDeliveries, recipientKey, type OpenDigest } from './delivery-plan.js';
import { incidentsOf } from './incident.js';
import type { Contact, Notice } from './notice.js';
import { recipients } from './plan.js';
import type { TellingBounds } from './telling-bounds.js';

const TWO: Instant = Date.UTC(2023, 10, 4, 19);
const BOUNDS: TellingBounds = {
  windowMs: 10 * MINUTE_MS,
  any: 3,
  first: 5,
  critical: 7,
  digestWaitMs: MINUTE_MS,
  digestEveryMs: 5 * MINUTE_MS,
  digestIncidents: 4,
};
const LOOK_EVERY_MS = 5 * SECOND_MS;

const person = (id: string, changes: Partial<Contact> = {}): Contact => ({
  id,
  name: id,
  channel: 'email',
  address: `${id}@quangtri.example`,
  language: 'vi',
  fromSeverity: 'warning',
  ...changes,
});

let written = 0;
function notice(station: string, event: NoticeEvent, severity: Severity, version: number, createdAt: Instant): Notice {
  written += 1;
  const alert: Alert = {
    state: 'active',
    id: `river.${station}`,
    ruleId: 'river',
    ruleVersion: 1,
    stationId: station,
    severity,
    worst: severity,
    since: createdAt,
    raisedAt: createdAt,
    evidence: {
      deviceId: station,
      metric: 'level_m',
      value: 6,
      measuredAt: createdAt,
      receivedAt: createdAt,
      limit: 6,
      limitName: null,
      document: null,
    },
    version,
  };
  return { id: `${alert.id}.${written}`, event, createdAt, alert };
}

interface Message {
  readonly id: string;
  readonly kind: 'single' | 'digest';
  readonly contact: Contact;
  readonly plannedAt: Instant;
  closesAt: Instant;
  /** When nothing is added to it any more; it is handed over then. */
  sentAt: Instant | null;
  deliveredAt: Instant | null;
  incidents: number;
  count: number;
}

/** An outbox in memory on a clock of its own, which keeps what the planner decides and delivers as long as the mail server stands. */
class Desk {
  now = TWO;
  down = false;
  readonly unconfirmed = new Set<string>();
  readonly messages: Message[] = [];
  readonly told = new Map<string, { notice: Notice; contact: Contact; by: string }>();

  constructor(
    readonly contacts: readonly Contact[],
    readonly bounds: TellingBounds = BOUNDS,
  ) {}

  write(...notices: readonly Notice[]): void {
    const ids = new Set(notices.map(({ alert }) => alert.id));
    const open = this.open();
    const held = open.flatMap(({ id }) =>
      [...ids].flatMap((alertId) => {
        const count = this.of(id).filter((told) => told.alert.id === alertId).length;
        return count === 0 ? [] : [{ digestId: id, alertId, notices: count }];
      }),
    );
    const singles = new Map<string, number>();
    for (const { kind, contact, plannedAt, deliveredAt } of this.messages)
      if (kind === 'single' && (plannedAt > this.now - this.bounds.windowMs || deliveredAt === null))
        singles.set(recipientKey(contact), (singles.get(recipientKey(contact)) ?? 0) + 1);
    const closedAt = new Map<string, Instant>();
    for (const { kind, contact, sentAt } of this.messages)
      if (kind === 'digest' && sentAt !== null) closedAt.set(contact.id, sentAt);
    const plan = planDeliveries(
      notices,
      this.contacts,
      { now: this.now, singles, open, held, closedAt, unconfirmed: this.unconfirmed },
      this.bounds,
      (kind, of, contact) => `${kind} ${of.id} ${contact.id}`,
    );
    const begin = (kind: Message['kind'], id: string, contact: Contact): void => {
      expect(this.messages.some((one) => one.id === id)).toBe(false);
      const [sentAt, closesAt] = kind === 'single' ? [this.now, this.now] : [null, 0];
      this.messages.push({
        id,
        kind,
        contact,
        plannedAt: this.now,
        closesAt,
        sentAt,
        deliveredAt: null,
        incidents: 1,
        count: 1,
      });
    };
    for (const { deliveryId, contact } of plan.singles) begin('single', deliveryId, contact);
    for (const { deliveryId, contact } of plan.opened) begin('digest', deliveryId, contact);
    for (const { id, incidents, notices: count, closesAt } of plan.digests)
      Object.assign(this.message(id), { incidents, count, closesAt });
    for (const { from, to, alertId } of plan.moves)
      for (const telling of this.told.values())
        if (telling.by === from && telling.notice.alert.id === alertId) telling.by = to;
    for (const { notice: of, contact, deliveryId } of plan.tellings) {
      const key = `${of.id} ${contact.id}`;
      expect(this.told.has(key)).toBe(false);
      this.told.set(key, { notice: of, contact, by: deliveryId });
    }
    this.look();
  }

  /** Time passes, and the notifier looks every now and then. */
  pass(ms: number): void {
    for (const until = this.now + ms; this.now < until;) {
      this.now = Math.min(until, this.now + LOOK_EVERY_MS);
      this.look();
    }
  }

  of(messageId: string): Notice[] {
    return [...this.told.values()].filter(({ by }) => by === messageId).map((telling) => telling.notice);
  }

  sent(kind: Message['kind']): Message[] {
    return this.messages.filter((message) => message.kind === kind && message.sentAt !== null);
  }

  private look(): void {
    const busy = this.messages.filter(
      (one) => one.kind === 'digest' && one.sentAt !== null && one.deliveredAt === null,
    );
    const complete = completeDigests(
      this.open().filter(({ contact }) => !this.unconfirmed.has(contact.id)),
      new Set(busy.map(({ contact }) => contact.id)),
      this.now,
      this.bounds,
    );
    for (const id of complete) this.message(id).sentAt = this.now;
    if (!this.down) for (const one of this.messages) if (one.sentAt !== null) one.deliveredAt ??= this.now;
  }

  private open(): OpenDigest[] {
    return this.messages
      .filter(({ sentAt }) => sentAt === null)
      .map(({ id, contact, incidents, count, closesAt }) => ({ id, contact, incidents, notices: count, closesAt }));
  }

  private message(id: string): Message {
    const found = this.messages.find((one) => one.id === id);
    if (found === undefined) throw new Error(`there is no message ${id}`);
    return found;
  }
}

describe('what a person is told at once', () => {
  const lan = person('lan');

  it('is every notice by itself, as long as there are few', () => {
    const desk = new Desk([lan]);
    desk.write(notice('a', 'raised', 'warning', 1, TWO), notice('a', 'escalated', 'major', 2, TWO));
    desk.write(notice('a', 'returned', 'major', 3, TWO));
    expect(desk.sent('single')).toHaveLength(3);
    expect(desk.messages).toHaveLength(3);
  });

  it('keeps room for the first word of an incident, and more of it for what is critical', () => {
    const desk = new Desk([lan]);
    for (const station of ['a', 'b', 'c']) desk.write(notice(station, 'raised', 'warning', 1, TWO));
    desk.write(notice('a', 'returned', 'warning', 2, TWO));
    expect(desk.sent('single')).toHaveLength(3);
    for (const station of ['d', 'e', 'f']) desk.write(notice(station, 'raised', 'major', 1, TWO));
    expect(desk.sent('single')).toHaveLength(5);
    desk.write(notice('g', 'raised', 'critical', 1, TWO), notice('b', 'escalated', 'critical', 2, TWO));
    expect(desk.sent('single')).toHaveLength(7);
    desk.write(notice('h', 'raised', 'critical', 1, TWO));
    expect(desk.sent('single')).toHaveLength(7);
    desk.pass(MINUTE_MS);
    const [digest, ...more] = desk.sent('digest');
    expect(more).toEqual([]);
    expect(desk.of(digest?.id ?? '').map(({ alert }) => alert.stationId)).toEqual(['a', 'f', 'h']);
  });

  it('keeps that room for what became worse, too', () => {
    const desk = new Desk([lan]);
    desk.write(notice('a', 'raised', 'warning', 1, TWO));
    for (const version of [2, 3]) desk.write(notice('a', 'returned', 'warning', version, TWO));
    desk.write(notice('a', 'escalated', 'major', 4, TWO));
    expect(desk.sent('single')).toHaveLength(4);
    desk.write(notice('a', 'returned', 'major', 5, TWO));
    expect(desk.sent('single')).toHaveLength(4);
  });

  it('takes up again when the time of the window has gone by', () => {
    const desk = new Desk([lan]);
    for (const station of ['a', 'b', 'c', 'd', 'e']) desk.write(notice(station, 'raised', 'warning', 1, TWO));
    desk.pass(BOUNDS.windowMs);
    desk.write(notice('z', 'raised', 'warning', 1, desk.now));
    expect(desk.sent('single')).toHaveLength(6);
    expect(desk.sent('digest')).toEqual([]);
  });

  it('hears of what became major as of something new, when milder alerts are not theirs', () => {
    const desk = new Desk([person('lan', { fromSeverity: 'major' })]);
    for (const station of ['a', 'b', 'c']) desk.write(notice(station, 'raised', 'major', 1, TWO));
    desk.write(notice('d', 'escalated', 'major', 2, TWO));
    expect(desk.sent('single')).toHaveLength(4);
  });

  it('is counted by the address, whatever the contacts are called, and by channel', () => {
    const desk = new Desk([
      lan,
      person('truc', { address: 'LAN@quangtri.example', language: 'en' }),
      person('hook', { channel: 'webhook' }),
    ]);
    for (const station of ['a', 'b', 'c', 'd', 'e', 'f']) desk.write(notice(station, 'raised', 'warning', 1, TWO));
    const by = (id: string): number => desk.sent('single').filter(({ contact }) => contact.id === id).length;
    expect(by('lan') + by('truc')).toBe(BOUNDS.first);
    expect(by('hook')).toBe(BOUNDS.first);
  });
});

describe('a digest', () => {
  const flooded = (desk: Desk): void => {
    for (const station of ['a', 'b', 'c', 'd', 'e']) desk.write(notice(station, 'raised', 'warning', 1, desk.now));
  };

  it('tells of an incident that came and went once, with its course', () => {
    const desk = new Desk([person('lan')]);
    flooded(desk);
    desk.write(notice('x', 'raised', 'warning', 1, desk.now));
    desk.write(notice('x', 'escalated', 'major', 2, desk.now));
    desk.pass(30 * SECOND_MS);
    desk.write(notice('x', 'returned', 'major', 3, desk.now));
    desk.pass(MINUTE_MS);
    const [digest] = desk.sent('digest');
    const incidents = incidentsOf(desk.of(digest?.id ?? ''));
    expect(incidents.map(({ latest, course }) => [latest.event, course.map(({ event }) => event)])).toEqual([
      ['returned', ['raised', 'escalated', 'returned']],
    ]);
    expect(digest?.incidents).toBe(1);
  });

  it('leaves to a single message what has become critical while it waited', () => {
    const desk = new Desk([person('lan')]);
    flooded(desk);
    desk.write(notice('x', 'raised', 'major', 1, desk.now), notice('y', 'raised', 'major', 1, desk.now));
    desk.write(notice('x', 'escalated', 'critical', 2, desk.now));
    const urgent = desk.sent('single').at(-1);
    expect(desk.of(urgent?.id ?? '').map(({ event }) => event)).toEqual(['raised', 'escalated']);
    desk.pass(MINUTE_MS);
    const [digest] = desk.sent('digest');
    expect(desk.of(digest?.id ?? '').map(({ alert }) => alert.stationId)).toEqual(['y']);
    expect(digest).toMatchObject({ incidents: 1, count: 1 });
  });

  it('follows the one before after five minutes, and after one when it says that something is critical', () => {
    const desk = new Desk([person('lan')]);
    flooded(desk);
    const at = (station: string, severity: Severity): void =>
      desk.write(notice(station, 'raised', severity, 1, desk.now));
    at('x', 'warning');
    desk.pass(MINUTE_MS);
    expect(desk.sent('digest')).toHaveLength(1);
    at('y', 'warning');
    desk.pass(5 * MINUTE_MS - LOOK_EVERY_MS);
    expect(desk.sent('digest')).toHaveLength(1);
    desk.pass(LOOK_EVERY_MS);
    expect(desk.sent('digest')).toHaveLength(2);
    at('1', 'critical');
    at('2', 'critical');
    at('z', 'warning');
    at('3', 'critical');
    desk.pass(MINUTE_MS);
    expect(desk.sent('digest')).toHaveLength(3);
    expect(desk.of(desk.sent('digest')[2]?.id ?? '')).toHaveLength(2);
  });

  it('that a mail server does not take holds back the next one, for an hour at most', () => {
    const desk = new Desk([person('lan')]);
    flooded(desk);
    desk.write(notice('x', 'raised', 'warning', 1, desk.now));
    desk.down = true;
    desk.pass(2 * MINUTE_MS);
    desk.write(notice('y', 'raised', 'warning', 1, desk.now));
    desk.pass(HELD_AT_MOST_MS);
    expect(desk.sent('digest')).toHaveLength(1);
    desk.pass(5 * MINUTE_MS);
    expect(desk.sent('digest')).toHaveLength(2);
    // Singles that nobody has taken count for as long as that is so.
    flooded(desk);
    desk.pass(2 * BOUNDS.windowMs);
    desk.write(notice('z', 'raised', 'warning', 1, desk.now));
    desk.pass(10 * MINUTE_MS);
    expect(desk.sent('single')).toHaveLength(10);
    expect(desk.sent('digest')).toHaveLength(2);
    desk.down = false;
    desk.pass(LOOK_EVERY_MS);
    desk.pass(LOOK_EVERY_MS);
    expect(desk.sent('digest')).toHaveLength(3);
  });

  it('is closed when the clock was set back while it waited', () => {
    const open = (closesAt: Instant): OpenDigest[] => [
      { id: 'd', contact: person('lan'), incidents: 1, notices: 1, closesAt },
    ];
    expect(completeDigests(open(TWO + 6 * MINUTE_MS), new Set(), TWO, BOUNDS)).toEqual([]);
    expect(completeDigests(open(TWO + HOUR_MS), new Set(), TWO, BOUNDS)).toEqual(['d']);
  });

  it('that was begun for another address goes there, and what follows to the new one', () => {
    const before = new Desk([person('lan')]);
    flooded(before);
    before.write(notice('x', 'raised', 'warning', 1, TWO));
    const open = before.messages.filter(({ sentAt }) => sentAt === null);
    const plan = planDeliveries(
      [notice('x', 'returned', 'warning', 2, TWO)],
      [person('lan', { address: 'moi@quangtri.example' })],
      {
        now: TWO,
        singles: new Map([['email moi@quangtri.example', 9]]),
        open: open.map((one) => ({ ...one, notices: one.count })),
        held: [{ digestId: open[0]?.id ?? '', alertId: 'river.x', notices: 1 }],
        closedAt: new Map(),
        unconfirmed: new Set(),
      },
      BOUNDS,
      (kind) => kind,
    );
    expect(plan.opened).toHaveLength(1);
    expect(plan.tellings.map(({ deliveryId }) => deliveryId)).toEqual(['digest']);
  });
});

describe('an address that nobody has confirmed', () => {
  it('gets nothing, and all of it in a digest once somebody has', () => {
    const desk = new Desk([person('lan')]);
    desk.unconfirmed.add('lan');
    desk.write(notice('a', 'raised', 'critical', 1, desk.now), notice('b', 'raised', 'warning', 1, desk.now));
    desk.pass(2 * HELD_AT_MOST_MS);
    expect([...desk.sent('single'), ...desk.sent('digest')]).toEqual([]);
    desk.unconfirmed.delete('lan');
    desk.pass(LOOK_EVERY_MS);
    expect(desk.sent('digest').map(({ id }) => desk.of(id).length)).toEqual([2]);
    desk.write(notice('c', 'raised', 'warning', 1, desk.now));
    expect(desk.sent('single')).toHaveLength(1);
  });
});

describe('whatever happens', () => {
  const contacts = [person('lan'), person('binh', { fromSeverity: 'major' }), person('hook', { channel: 'webhook' })];
  const NEXT: Record<string, readonly NoticeEvent[]> = {
    none: ['raised'],
    active: ['escalated', 'returned'],
    returned: ['raised'],
  };
  const happening = fc.record({
    station: fc.integer({ min: 0, max: 11 }),
    choice: fc.nat(),
    severity: fc.constantFrom(...SEVERITIES),
    afterMs: fc.oneof(
      { weight: 6, arbitrary: fc.constant(0) },
      { weight: 2, arbitrary: fc.integer({ min: 1, max: 90 * SECOND_MS }) },
      { weight: 1, arbitrary: fc.integer({ min: 1, max: 15 * MINUTE_MS }) },
    ),
    turns: fc.constantFrom(...Array.from({ length: 19 }, () => false), true),
  });

  it('every notice reaches everybody whom it is for by exactly one message, in its order, within bounds and in time', () => {
    fc.assert(
      fc.property(fc.array(happening, { minLength: 1, maxLength: 250 }), (story) => {
        const desk = new Desk(contacts);
        const states = new Map<number, { state: string; version: number }>();
        const wrote: Notice[] = [];
        let wasDown = false;
        for (const { station, choice, severity, afterMs, turns } of story) {
          if (turns) desk.down = !desk.down;
          wasDown ||= desk.down;
          desk.pass(afterMs);
          const { state, version } = states.get(station) ?? { state: 'none', version: 0 };
          const events = NEXT[state] ?? [];
          const event = events[choice % events.length] ?? 'raised';
          states.set(station, { state: event === 'returned' ? 'returned' : 'active', version: version + 1 });
          const next = notice(String(station), event, severity, version + 1, desk.now);
          wrote.push(next);
          desk.write(next);
        }
        desk.down = false;
        desk.pass(HELD_AT_MOST_MS + 20 * MINUTE_MS);

        // Nothing is dropped, and nothing is told twice: the desk refuses a second telling.
        const wanted = wrote.flatMap((of) => recipients(of, contacts).map(({ id }) => `${of.id} ${id}`));
        expect([...desk.told.keys()].toSorted()).toEqual(wanted.toSorted());
        for (const { by } of desk.told.values())
          expect(desk.messages.find(({ id }) => id === by)?.deliveredAt).not.toBeNull();

        for (const contact of contacts) {
          const own = desk.messages.filter((one) => one.contact.id === contact.id);
          const singles = own.filter(({ kind }) => kind === 'single');
          for (const { plannedAt } of singles) {
            const near = singles.filter(
              (one) => one.plannedAt > plannedAt - BOUNDS.windowMs && one.plannedAt <= plannedAt,
            );
            expect(near.length).toBeLessThanOrEqual(BOUNDS.critical);
          }
          for (const { id, kind, incidents, count, sentAt } of own.filter((one) => one.kind === 'digest')) {
            const named = incidentsOf(desk.of(id));
            expect([kind, incidents, count]).toEqual(['digest', named.length, desk.of(id).length]);
            expect(incidents).toBeLessThanOrEqual(BOUNDS.digestIncidents);
            if (wasDown) continue;
            for (const { latest, course } of named) {
              const waited = (sentAt ?? Infinity) - (course[0]?.createdAt ?? 0);
              const urgent = latest.alert.severity === 'critical' && latest.event !== 'returned';
              const since = urgent ? (sentAt ?? Infinity) - latest.createdAt : waited;
              expect(since).toBeLessThanOrEqual((urgent ? BOUNDS.digestWaitMs : BOUNDS.digestEveryMs) + LOOK_EVERY_MS);
            }
          }
          // Digests at one time are the parts of one; times lie apart.
          const times = [...new Set(own.filter(({ kind }) => kind === 'digest').map(({ sentAt }) => sentAt ?? 0))];
          for (const [at, time] of times.entries())
            if (at > 0) expect(time - (times[at - 1] ?? 0)).toBeGreaterThanOrEqual(BOUNDS.digestWaitMs);
          // Of one incident nothing is handed over before what came earlier.
          const handed = new Map<string, Instant>();
          for (const { notice: of, by } of [...desk.told.values()].filter((one) => one.contact.id === contact.id)) {
            const at = desk.messages.find(({ id }) => id === by)?.sentAt ?? Infinity;
            expect(at).toBeGreaterThanOrEqual(handed.get(of.alert.id) ?? 0);
            handed.set(of.alert.id, at);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it('what the first words of incidents leave free is told at once when it is critical', () => {
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 150 }), (story) => {
        const desk = new Desk([person('lan')]);
        for (const [n, { severity, afterMs }] of story.entries()) {
          desk.pass(afterMs);
          desk.write(notice(`${n}`, 'raised', severity === 'critical' ? 'major' : severity, 1, desk.now));
        }
        desk.write(notice('x', 'raised', 'critical', 1, desk.now));
        expect(desk.sent('single').at(-1)).toMatchObject({ plannedAt: desk.now });
        expect(desk.of(desk.sent('single').at(-1)?.id ?? '')[0]?.alert.stationId).toBe('x');
      }),
    );
  });

  it('a value that swings about its limit while no mail leaves makes no message without end', () => {
    const desk = new Desk([person('lan')]);
    desk.down = true;
    for (let n = 0; n < 500; n += 1) {
      desk.pass(SECOND_MS);
      desk.write(notice('x', n % 2 === 0 ? 'raised' : 'returned', 'warning', n + 1, desk.now));
    }
    for (const { id } of desk.messages) expect(desk.of(id).length).toBeLessThanOrEqual(4 * BOUNDS.digestIncidents);
  });
});
