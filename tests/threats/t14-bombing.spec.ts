import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openRecords, type RecordsDatabase } from '@canh/adapters/records-sql/open-records';
import { SqlAlertStore } from '@canh/adapters/records-sql/sql-alert-store';
import { SqlContactBook } from '@canh/adapters/records-sql/sql-contact-book';
import type { Contact } from '@canh/core/dispatch/notice';
import { USUAL_BOUNDS } from '@canh/core/dispatch/telling-bounds';
import type { Severity } from '@canh/core/rules/rule';
import type { Transition } from '@canh/core/rules/transition';
import { NotifierProgram } from '../notifier/notifier-process.js';
import { eventually } from '../support/eventually.js';
import { SmtpInbox, type ReceivedMail } from '../support/smtp-inbox.js';

const ALERTS = 10_000;
/** Where the machine has much other work, it is long before ten thousand are planned, rendered and sent. */
const ALL_TOLD_WITHIN_MS = 450_000;
/** Written by the processor at once. */
const STRETCH = 250;
const WAIT_SECONDS = 20;
/** On a machine that has other work too, or as long as it takes to write down the storm; the door of the mail server is a few milliseconds away. */
const AT_ONCE_MS = 10_000;
const CRITICAL = 7_000;

const PEOPLE: readonly Contact[] = ['truc-ban', 'pho-giam-doc', 'ky-su'].map((id, n) => ({
  id,
  name: id,
  channel: 'email',
  address: `${id}@quangtri.example`,
  language: n === 1 ? 'en' : 'vi',
  fromSeverity: 'warning',
}));

const stationOf = (n: number): string => `tram-${String(n).padStart(5, '0')}`;

function raised(n: number, now: number): Transition {
  const severity: Severity = n === CRITICAL ? 'critical' : n % 10 === 0 ? 'major' : 'warning';
  return { kind: 'raised', ...wordOf(n, now), severity, since: now };
}

function wordOf(n: number, now: number): Omit<Transition & { kind: 'raised' }, 'kind' | 'severity' | 'since'> {
  const evidence = {
    deviceId: stationOf(n),
    metric: 'level_m',
    value: n / 100,
    measuredAt: now,
    receivedAt: now,
    limit: 1,
    limitName: null,
    document: null,
  };
  return { ruleId: 'bao-lu', ruleVersion: 1, stationId: stationOf(n), at: now, evidence };
}

describe('T14', () => {
  let program: NotifierProgram;
  let folder: string;
  let records: RecordsDatabase;
  let inbox: SmtpInbox;
  const arrived = new Map<ReceivedMail, number>();

  beforeAll(async () => {
    program = await NotifierProgram.build();
  });
  afterAll(() => program.end());
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'canh-bombing-'));
    records = await openRecords(join(folder, 'records.sqlite'));
    inbox = await SmtpInbox.start((mail) => void arrived.set(mail, Date.now()));
  });
  afterEach(async () => {
    await inbox.close();
    await records.destroy();
    await rm(folder, { recursive: true, force: true });
  });

  const mailsTo = ({ address }: Contact): ReceivedMail[] => inbox.mails.filter(({ to }) => to.includes(address));
  /** Each of them is long, and is asked for again and again. */
  const named = new WeakMap<ReceivedMail, readonly string[]>();
  const namedIn = (mails: readonly ReceivedMail[]): string[] =>
    mails.flatMap((mail) => {
      let ids = named.get(mail);
      if (ids === undefined) {
        ids = [...(mail.email.text ?? '').matchAll(/\/alerts\/bao-lu\.(tram-\d+)\./g)].map(([, id = '']) => id);
        named.set(mail, ids);
      }
      return ids;
    });

  it(`${ALERTS} alerts in a minute are a few mails for each person, which name every one of them`, async () => {
    const contacts = new SqlContactBook(records);
    for (const contact of PEOPLE) await contacts.put(contact);
    const notifier = program.start({
      CANH_DATA_DIR: folder,
      CANH_MAIL_FROM: 'canh@example.vn',
      CANH_PUBLIC_URL: 'https://canh.example.vn',
      CANH_SMTP_URL: inbox.url,
      CANH_DIGEST_WAIT_SECONDS: String(WAIT_SECONDS),
      // Nothing sends any here, and after minutes that would be one alert more.
      CANH_CANARY_SECONDS: '0',
      CANH_LOG_LEVEL: 'warn',
    });
    const store = new SqlAlertStore(records);
    await eventually(() => expect(existsSync(join(folder, 'notifier.lock'))).toBe(true));
    const began = Date.now();
    let criticalAt = 0;
    for (let n = 0; n < ALERTS; n += STRETCH) {
      const now = Date.now();
      if (n <= CRITICAL && CRITICAL < n + STRETCH) criticalAt = now;
      const stretch = Array.from({ length: STRETCH }, (_, at) => raised(n + at, now));
      expect(await store.apply(stretch, now)).toBe(STRETCH);
    }
    const writtenAt = Date.now();
    const atOnceMs = Math.max(AT_ONCE_MS, writtenAt - began);

    // One batch of digests and what began to wait after it; of each, the last may be nearly empty.
    const { critical, digestIncidents } = USUAL_BOUNDS;
    const batches = 1 + Math.ceil((writtenAt - began) / (WAIT_SECONDS * 1_000));
    const atMost = critical + Math.ceil(ALERTS / digestIncidents) + batches;
    await eventually(() => {
      // Too many are not waited for.
      if (PEOPLE.some((person) => mailsTo(person).length > atMost)) return;
      for (const person of PEOPLE) expect(new Set(namedIn(mailsTo(person))).size).toBe(ALERTS);
    }, ALL_TOLD_WITHIN_MS);

    const figures: string[] = [];
    for (const person of PEOPLE) {
      const mails = mailsTo(person);
      expect(mails.length).toBeLessThanOrEqual(atMost);
      // Each is said once.
      expect(namedIn(mails)).toHaveLength(ALERTS);
      const alone = mails.filter((mail) => namedIn([mail]).length === 1);
      const digests = mails.filter((mail) => !alone.includes(mail));
      expect(alone.length).toBe(USUAL_BOUNDS.first + 1);
      for (const mail of digests) expect(namedIn([mail]).length).toBeLessThanOrEqual(digestIncidents);
      for (const mail of mails) expect(mail.raw.length).toBeLessThan(2_000_000);

      const first = alone.find((mail) => namedIn([mail])[0] === stationOf(0));
      const urgent = alone.find((mail) => namedIn([mail])[0] === stationOf(CRITICAL));
      const firstAfter = (arrived.get(first!) ?? Infinity) - began;
      const urgentAfter = (arrived.get(urgent!) ?? Infinity) - criticalAt;
      expect(firstAfter).toBeLessThan(atOnceMs);
      expect(urgentAfter).toBeLessThan(atOnceMs);
      figures.push(
        `${person.id}: ${mails.length} mails of at most ${atMost}, the first after ${firstAfter} ms, the critical one after ${urgentAfter} ms, ` +
          `the largest ${Math.max(...mails.map(({ raw }) => raw.length))} bytes`,
      );
    }
    console.info(`T14: ${ALERTS} alerts written in ${writtenAt - began} ms\n${figures.join('\n')}`);

    notifier.kill('SIGTERM');
    expect(await notifier.exited).toBe(0);
    // The records say of each notice and person which message carried it, and that it was accepted.
    const database = new DatabaseSync(join(folder, 'records.sqlite'), { readOnly: true });
    const [told] = database
      .prepare(
        `select count(*) as tellings, count(distinct told.notice_id) as notices, sum(state = 'accepted') as accepted
         from told join deliveries on deliveries.id = delivery_id`,
      )
      .all();
    database.close();
    expect({ ...told }).toEqual({
      tellings: ALERTS * PEOPLE.length,
      notices: ALERTS,
      accepted: ALERTS * PEOPLE.length,
    });
  }, 600_000);
});
