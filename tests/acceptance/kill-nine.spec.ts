import { DatabaseSync } from 'node:sqlite';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { DuckDbSeriesStore } from '@canh/adapters/series-duckdb/duckdb-series-store';
import type { AlertView } from '@canh/contract/views.dto';
import { Fleet } from '@canh/simulators/fleet';
import { CanhProcess, steadyPort, temporaryFolder } from '../support/canh-process.js';
import { eventually } from '../support/eventually.js';
import { SmtpInbox } from '../support/smtp-inbox.js';
import { riverProvince } from './river-province.js';

const KILLS = 20;
const STATIONS = 8;
const MINUTE_MS = 60_000;
const FIRST_READING = Date.UTC(2020, 9, 1);
/** How many mails are on their way at once at most (CANH_DELIVERIES_AT_ONCE): so many can a kill catch between sent and recorded. */
const MAILS_ON_THE_WAY = 5;

/** One reading a minute; a flood every WAVE minutes: low, over alarm 1, over alarm 3, low again. */
const WAVE = 150;
const RISES = 30;
const CRESTS = 60;
const FALLS = 90;
const HOLD = 10;
const levelAt = (minute: number): number => {
  const inWave = minute % WAVE;
  // The last digits tell the readings apart.
  const own = (minute % 1000) / 1e6;
  return own + (inWave < RISES || inWave >= FALLS ? 1 : inWave < CRESTS ? 4.5 : 6.5);
};

interface Told {
  readonly station: string;
  readonly kind: string;
  readonly minute: number;
  readonly severity: string;
}

/** What the rule must say of so many minutes, worked out by hand from the shape of the wave. */
function storyOf(station: string, minutes: number): Told[] {
  const told: Told[] = [];
  for (let wave = 0; wave < minutes; wave += WAVE)
    told.push(
      { station, kind: 'raised', minute: wave + RISES + HOLD, severity: 'warning' },
      { station, kind: 'severity-changed', minute: wave + CRESTS + HOLD, severity: 'critical' },
      { station, kind: 'returned', minute: wave + FALLS, severity: 'critical' },
    );
  return told.filter(({ minute }) => minute < minutes);
}

/** A generator with a seed, so that a failing night can be run again. */
function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const stations = Array.from({ length: STATIONS }, (_, index) => `song-${index + 1}`);

it(`loses nothing and doubles nothing over ${KILLS} kills in the middle of the readings`, async () => {
  const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31));
  console.info(`kill-nine: SEED=${seed}`);
  const chance = random(seed);
  const inbox = await SmtpInbox.start();
  const dataDir = await temporaryFolder();
  const devices = await riverProvince(dataDir, stations);
  const canh = await CanhProcess.start({
    env: {
      CANH_DATA_DIR: dataDir,
      CANH_HTTP_PORT: String(await steadyPort()),
      CANH_MQTT_PORT: String(await steadyPort()),
      CANH_WS_PORT: String(await steadyPort()),
      CANH_SMTP_URL: inbox.url,
      CANH_READING_MAX_AGE_DAYS: '36500',
      CANH_DELIVERIES_AT_ONCE: String(MAILS_ON_THE_WAY),
      CANH_LOG_LEVEL: 'error',
    },
  });
  let fleet: Fleet | null = null;
  try {
    fleet = await Fleet.start({ url: canh.mqttUrl, devices, inFlightPerDevice: 10 });
    let goOn = true;
    const published = devices.map(async ({ deviceId }) => {
      let minute = 0;
      const acknowledged: Promise<void>[] = [];
      // To the end of a wave, so that every flood is over at the end.
      while (goOn || minute % WAVE !== 0) {
        const ts = FIRST_READING + minute * MINUTE_MS;
        acknowledged.push(fleet!.publish(deviceId, { ts, values: { level_m: levelAt(minute) } }));
        minute += 1;
        // A device measures while it waits for answers, but not without end.
        if (acknowledged.length >= 30) await acknowledged.shift();
      }
      await Promise.all(acknowledged);
      return minute;
    });

    for (let kills = 0; kills < KILLS; kills += 1) {
      // Mostly while readings come in; now and then while it is still starting.
      if (kills > 0 && chance() < 0.2) {
        await pause(chance() * 1_500);
      } else {
        await canh.ready();
        const before = fleet.counts().acknowledged;
        await eventually(() => expect(fleet!.counts().acknowledged).toBeGreaterThan(before));
        await pause(chance() * 800);
      }
      await canh.kill();
      canh.spawn();
    }
    await canh.ready();
    goOn = false;
    const minutes = await Promise.all(published);
    await fleet.stop();

    const expected = stations.flatMap((station, index) => storyOf(station, minutes[index] ?? 0));
    const notified = expected.length;
    await eventually(() => expect(new Set(inbox.mails.map(messageId)).size).toBe(notified), 60_000);
    const api = await canh.signIn();
    const alerts = await api.get<AlertView[]>('/api/alerts?which=all');
    await canh.stop();

    // Every reading with a PUBACK, once, with its value.
    const { store } = await DuckDbSeriesStore.open(join(dataDir, 'series'));
    for (const [index, stationId] of stations.entries()) {
      const count = minutes[index] ?? 0;
      const span = { stationId, metric: 'level_m', from: 0, to: Date.now() };
      const readings = await store.readings(span, count + 1_000);
      const stored = readings.map(({ measuredAt, value }) => [(measuredAt - FIRST_READING) / MINUTE_MS, value]);
      expect(stored, stationId).toEqual(Array.from({ length: count }, (_, minute) => [minute, levelAt(minute)]));
    }
    await store.close();

    // Nobody acknowledged, so each station's floods are one alert; what happened to it is told once each.
    expect(alerts.map(({ stationId }) => stationId).toSorted()).toEqual(stations.toSorted());
    const records = new DatabaseSync(join(dataDir, 'records.sqlite'), { readOnly: true });
    const rows = <T>(query: string): T[] => records.prepare(query).all() as T[];
    const told = rows<{ station_id: string; kind: string; at: number; severity: string }>(
      'select station_id, kind, at, severity from alert_events order by station_id, change',
    ).map(({ station_id: station, kind, at, severity }) => ({
      station,
      kind,
      minute: (at - FIRST_READING) / MINUTE_MS,
      severity,
    }));
    expect(told).toEqual(expected);

    // Each word of the rule has its notice, each notice its delivery, each delivery its acceptance and its mail.
    const notices = rows<{ change: number; planned: number }>('select change, planned from notices');
    expect(new Set(notices.map(({ change }) => change)).size).toBe(notified);
    expect(notices.every(({ planned }) => planned === 1)).toBe(true);
    const deliveries = rows<{ id: string; notice_id: string; state: string }>(
      'select id, notice_id, state from deliveries',
    );
    expect(new Set(deliveries.map(({ notice_id: notice }) => notice)).size).toBe(notified);
    expect(deliveries.map(({ state }) => state)).toEqual(deliveries.map(() => 'accepted'));
    expect(deliveries.length).toBe(notified);
    records.close();
    const copies = inbox.mails.length - notified;
    expect(copies).toBeLessThanOrEqual(KILLS * MAILS_ON_THE_WAY);
    console.info(
      `kill-nine: ${minutes.reduce((sum, count) => sum + count, 0)} readings, ${notified} notices, ${copies} mails sent twice`,
    );
  } catch (error) {
    console.error(`kill-nine: SEED=${seed}\n${canh.program.output}`);
    throw error;
  } finally {
    await fleet?.stop();
    await canh.remove();
    await inbox.close();
  }
}, 300_000);

const messageId = ({ headers }: { headers: ReadonlyMap<string, string> }): string => headers.get('message-id') ?? '';

/** The one wait without a condition: the moment of a kill is drawn by lot. */
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
