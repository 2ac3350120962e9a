import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect } from 'vitest';
import type { SmtpInbox } from '../../support/smtp-inbox.js';

export const MINUTE_MS = 60_000;
export const FIRST_READING = Date.UTC(2020, 9, 1);
/** One reading a minute; a flood every WAVE minutes: low, over alarm 1, over alarm 3, low again. */
export const WAVE = 150;
const RISES = 30;
const CRESTS = 60;
const FALLS = 90;
const HOLD = 10;
/** After the last reading, its mail is there. */
export const TOLD_WITHIN_MS = 60_000;
/** The minute at which the first alert is raised. */
export const RAISED_AFTER = RISES + HOLD;

/** The level at a minute of a series that begins low; below every alarm for the first RISES minutes. */
export function levelAt(minute: number): number {
  const inWave = minute % WAVE;
  // The last digits tell the readings apart.
  const own = minute / 1e6;
  return own + (inWave < RISES || inWave >= FALLS ? 1 : inWave < CRESTS ? 4.5 : 6.5);
}

export interface Told {
  readonly station: string;
  readonly kind: string;
  readonly minute: number;
  readonly severity: string;
}

/** What the rule must say of so many minutes, worked out by hand from the shape of the wave. */
export function storyOf(station: string, minutes: number): Told[] {
  const told: Told[] = [];
  for (let wave = 0; wave < minutes; wave += WAVE)
    told.push(
      { station, kind: 'raised', minute: wave + RAISED_AFTER, severity: 'warning' },
      { station, kind: 'severity-changed', minute: wave + CRESTS + HOLD, severity: 'critical' },
      { station, kind: 'returned', minute: wave + FALLS, severity: 'critical' },
    );
  return told.filter(({ minute }) => minute < minutes);
}

/** After the stop: what the rules said of these stations is the story and nothing else. */
export function expectStory(dataDir: string, expected: readonly Told[], firstReading: number): void {
  const told = recordsOf<{ station_id: string; kind: string; at: number; severity: string }>(
    dataDir,
    'select station_id, kind, at, severity from alert_events order by station_id, change',
  ).map(({ station_id: station, kind, at, severity }) => ({
    station,
    kind,
    minute: (at - firstReading) / MINUTE_MS,
    severity,
  }));
  expect(told).toEqual(expected);
}

/** The same, and each word of the story has its notice, each notice its delivery, each delivery its acceptance and its mail. Returns how many mails came more than once. */
export function expectStoryTold(
  dataDir: string,
  expected: readonly Told[],
  firstReading: number,
  inbox: SmtpInbox,
): number {
  expectStory(dataDir, expected, firstReading);
  const notices = recordsOf<{ change: number; planned: number }>(dataDir, 'select change, planned from notices');
  expect(new Set(notices.map(({ change }) => change)).size).toBe(expected.length);
  expect(notices.every(({ planned }) => planned === 1)).toBe(true);
  const deliveries = recordsOf<{ notice_id: string; state: string }>(
    dataDir,
    'select told.notice_id, state from told join deliveries on deliveries.id = delivery_id',
  );
  expect(new Set(deliveries.map(({ notice_id: notice }) => notice)).size).toBe(expected.length);
  expect(deliveries.map(({ state }) => state)).toEqual(deliveries.map(() => 'accepted'));
  expect(deliveries.length).toBe(expected.length);
  // A copy has the Message-ID of its original, so that whoever gets both can tell.
  expect(mailsOf(inbox).size).toBe(expected.length);
  return inbox.mails.length - expected.length;
}

/** The mails by their Message-IDs. */
export const mailsOf = (inbox: SmtpInbox): Set<string> =>
  new Set(inbox.mails.map(({ headers }) => headers.get('message-id') ?? ''));

function recordsOf<Row>(dataDir: string, query: string): Row[] {
  const records = new DatabaseSync(join(dataDir, 'records.sqlite'), { readOnly: true });
  try {
    return records.prepare(query).all() as Row[];
  } finally {
    records.close();
  }
}
