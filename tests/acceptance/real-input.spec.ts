import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DuckDbSeriesStore } from '@canh/adapters/series-duckdb/duckdb-series-store';
import { InfluxSeriesStore } from '@canh/adapters/series-influx/influx-series-store';
import type { AlertDetailView, AlertView } from '@canh/contract/views.dto';
import type { Summary } from '@canh/core/series/series-store';
import { canhDone, CanhProcess, type Settings, temporaryFolder } from '../support/canh-process.js';
import { eventually } from '../support/eventually.js';
import { type InfluxDbServer, startInfluxDb } from '../support/servers/influx.js';
import { missing } from '../support/servers/series-server.js';
import { startVictoriaMetrics, type VictoriaServer } from '../support/servers/victoria.js';
import { SmtpInbox } from '../support/smtp-inbox.js';

const DATA = resolve(import.meta.dirname, '../data');
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const KMH_PER_MPH = 1.609344;
const METRES_PER_FOOT = 0.3048;
const OFFICER = 'truc.ban@quangtri.example';

/** A value as the file has it, in the metric's unit, at its moment. */
interface Measured {
  readonly at: number;
  readonly value: number;
}

/** The files are in local time; the replay is told that this is Vietnam's, which is UTC+7 all year. */
const local = (year: string, month: string, day: string, clock: string): number =>
  Date.parse(`${year}-${month.padStart(2, '0')}-${day.padStart(2, '0')}T${clock}+07:00`);

function lines(file: string): string[][] {
  const text = readFileSync(join(DATA, file), 'utf8').trim().split('\n').slice(1);
  return text.map((line) => line.trim().split(','));
}

const nab = (file: string, factor = 1): Measured[] =>
  lines(`nab-traffic/${file}`).map(([time = '', value]) => {
    const [, year = '', month = '', day = '', clock = ''] = /^(\d+)-(\d+)-(\d+) (\S+)$/.exec(time) ?? [];
    return { at: local(year, month, day, clock), value: Number(value) * factor };
  });

const beijing = (): Measured[] =>
  lines('air/beijing-pm25-hourly-2010-2011.csv')
    .filter(([, , , , , pm25]) => pm25 !== 'NA')
    .map(([, year = '', month = '', day = '', hour = '', pm25]) => ({
      at: local(year, month, day, `${hour.padStart(2, '0')}:00:00`),
      value: Number(pm25),
    }));

const USGS = 'water/usgs-instantaneous-values.json';
function riverStage(site: string): Measured[] {
  const { value } = JSON.parse(readFileSync(join(DATA, USGS), 'utf8')) as {
    value: {
      timeSeries: {
        sourceInfo: { siteCode: { value: string }[] };
        variable: { variableCode: { value: string }[] };
        values: { value: { value: string; dateTime: string }[] }[];
      }[];
    };
  };
  const stage = value.timeSeries.find(
    ({ sourceInfo, variable }) => sourceInfo.siteCode[0]?.value === site && variable.variableCode[0]?.value === '00065',
  );
  return (stage?.values[0]?.value ?? []).map((one) => ({
    at: Date.parse(one.dateTime),
    value: Number(one.value) * METRES_PER_FOOT,
  }));
}

interface Recording {
  readonly station: string;
  readonly profile: string;
  readonly metric: string;
  readonly file: string;
  /** Beside the file and the token. */
  readonly replay: readonly string[];
  readonly measured: readonly Measured[];
  readonly limits: Readonly<Record<string, number>>;
  /** When the first alert's condition must have begun: the first time that it held for so long. Null: no rule judges it. */
  readonly firstSince: number | null;
}

/** The first moment from which all values were beyond the limit for `holdMs`. */
function firstHeld(measured: readonly Measured[], beyond: (value: number) => boolean, holdMs: number): number {
  let since: number | null = null;
  for (const { at, value } of measured) {
    since = beyond(value) ? (since ?? at) : null;
    if (since !== null && at - since >= holdMs) return since;
  }
  throw new Error('The recording never breaks the limit.');
}

const inKmh = { profile: 'counting-camera', metric: 'speed_kmh', replay: ['--metric', 'value=speed_kmh:mph'] };
const t4013 = nab('speed_t4013.csv', KMH_PER_MPH);
const s7578 = nab('speed_7578.csv', KMH_PER_MPH);
const occupancy = nab('occupancy_6005.csv');
const pm25 = beijing();
const stage = riverStage('01491000');

const recordings: readonly Recording[] = [
  {
    ...inKmh,
    station: 'quoc-lo-1',
    file: 'nab-traffic/speed_t4013.csv',
    measured: t4013,
    limits: { warning: 60, major: 1, critical: 0 },
    firstSince: firstHeld(t4013, (value) => value <= 60, 5 * MINUTE_MS),
  },
  {
    ...inKmh,
    station: 'quoc-lo-9',
    file: 'nab-traffic/speed_7578.csv',
    measured: s7578,
    limits: { warning: 45, major: 1, critical: 0 },
    firstSince: firstHeld(s7578, (value) => value <= 45, 5 * MINUTE_MS),
  },
  {
    station: 'cau-ham-rong',
    profile: 'counting-camera',
    metric: 'occupancy_pct',
    file: 'nab-traffic/occupancy_6005.csv',
    replay: ['--metric', 'value=occupancy_pct'],
    measured: occupancy,
    limits: { warning: 14, major: 90 },
    firstSince: firstHeld(occupancy, (value) => value >= 14, 5 * MINUTE_MS),
  },
  {
    station: 'duong-tranh',
    profile: 'counting-camera',
    metric: 'travel_time_s',
    file: 'nab-traffic/TravelTime_387.csv',
    replay: ['--metric', 'value=travel_time_s'],
    measured: nab('TravelTime_387.csv'),
    limits: {},
    firstSince: null,
  },
  {
    station: 'tram-khong-khi',
    profile: 'air-quality-station',
    metric: 'pm25_ugm3',
    file: 'air/beijing-pm25-hourly-2010-2011.csv',
    replay: [],
    measured: pm25,
    limits: {},
    firstSince: firstHeld(pm25, (value) => value >= 80, HOUR_MS),
  },
  {
    station: 'thach-han',
    profile: 'river-gauge',
    metric: 'level_m',
    file: USGS,
    replay: ['--site', '01491000'],
    measured: stage,
    limits: { alarm_1: 1.9 },
    firstSince: firstHeld(stage, (value) => value >= 1.9, 10 * MINUTE_MS),
  },
];

const vietnamese = (station: string): string => `Trạm ${station}`;

/** Sets up a province as an engineer does, with the command line alone; gives each device's token. */
async function setUp(dataDir: string, used: readonly Recording[]): Promise<Map<string, string>> {
  const env = { CANH_DATA_DIR: dataDir };
  await canhDone(['area', 'add', '--id', 'xa-thu', '--name', 'Xã thử'], env);
  await canhDone(['contact', 'add', '--name', 'Trực ban', '--address', OFFICER, '--confirmed'], env);
  const [first, ...others] = used;
  if (first === undefined) throw new Error('There is nothing to replay.');
  const place = ['--area', 'xa-thu', '--owner', 'Sở thử', '--lat', '16.8', '--lon', '107.1'];
  const limits = Object.entries(first.limits).flatMap(([name, value]) => [
    '--limit',
    `${first.metric}.${name}=${value}`,
  ]);
  await canhDone(
    ['station', 'add', '--id', first.station, '--name', vietnamese(first.station), '--profile', first.profile]
      .concat(place)
      .concat(limits),
    env,
  );
  const inventory = join(dataDir, 'stations.json');
  await writeFile(
    inventory,
    JSON.stringify({
      stations: others.map(({ station, profile, metric, limits: own }) => ({
        id: station,
        names: { vi: vietnamese(station), en: station },
        area: 'xa-thu',
        ownerUnit: 'Sở thử',
        latitude: 16.8,
        longitude: 107.1,
        profile,
        limits: Object.entries(own).map(([name, value]) => ({ name, metric, value, document: 'tests/acceptance' })),
      })),
    }),
  );
  await canhDone(['station', 'import', inventory], env);
  const tokens = await Promise.all(
    used.map(async ({ station, profile }) => {
      const printed = await canhDone(['device', 'add', '--station', station, '--profile', profile, '--json'], env);
      const [{ token }] = JSON.parse(printed) as [{ token: string }];
      return [station, token] as const;
    }),
  );
  return new Map(tokens);
}

/** Replays each file as its device, at once, and gives what the command reports of each. */
async function replayAll(canh: CanhProcess, used: readonly Recording[], tokens: Map<string, string>): Promise<void> {
  await Promise.all(
    used.map(async ({ station, metric, file, replay, measured }) => {
      const printed = await canhDone(
        ['replay', join(DATA, file), '--token', tokens.get(station) ?? '', '--url', canh.mqttUrl, '--json']
          .concat(['--timezone', 'Asia/Ho_Chi_Minh', '--rows', '5'])
          .concat(replay),
        { CANH_DATA_DIR: canh.dataDir },
      );
      const { count } = JSON.parse(printed) as { count: Record<string, number> };
      expect(count[metric], file).toBe(measured.length);
    }),
  );
}

const always = { from: 0, to: Date.UTC(2100, 0) };
const sumOf = (measured: readonly Measured[]): number => measured.reduce((sum, { value }) => sum + value, 0);

function expectSame(summary: Summary, { measured, file }: Recording): void {
  expect(summary.count, `readings of ${file}`).toBe(measured.length);
  // Sums of ten thousand doubles in another order, and a conversion that is rounded to twelve digits.
  expect(Math.abs(summary.sum / sumOf(measured) - 1), `sum of ${file}`).toBeLessThan(1e-9);
}

/** What every part of these tests starts: old data are taken, and mail goes to the inbox. */
const settings = (inbox: SmtpInbox): Settings => ({
  CANH_READING_MAX_AGE_DAYS: '36500',
  CANH_SERIES_RAW_DAYS: '36501',
  CANH_SMTP_URL: inbox.url,
});

describe('recorded traffic, air and rivers, replayed through MQTT', () => {
  let inbox: SmtpInbox;
  let canh: CanhProcess;

  beforeAll(async () => {
    inbox = await SmtpInbox.start();
    const dataDir = await temporaryFolder();
    const tokens = await setUp(dataDir, recordings);
    canh = await CanhProcess.start({ env: { ...settings(inbox), CANH_DATA_DIR: dataDir } });
    await replayAll(canh, recordings, tokens);
  }, 180_000);

  afterAll(async () => {
    await canh?.remove();
    await inbox?.close();
  });

  it('makes the rules fire when the file says so, and tells the officer by mail', async () => {
    const api = await canh.signIn();
    const judged = recordings.filter(({ firstSince }) => firstSince !== null);
    for (const { station, firstSince } of judged)
      await eventually(async () => {
        const alerts = await api.get<AlertView[]>('/api/alerts?which=all');
        const own = alerts.filter(({ stationId }) => stationId === station);
        expect(own.map(({ since }) => since)).toEqual([firstSince]);
      });
    for (const { station } of judged)
      await eventually(() => {
        const raised = inbox.mails.filter(
          ({ email }) =>
            /^(Cảnh báo|Nghiêm trọng|Khẩn cấp): /.test(email.subject ?? '') &&
            email.subject?.includes(vietnamese(station)),
        );
        expect(raised.length, `mails of ${station} among ${inbox.mails.length}`).toBeGreaterThan(0);
      });
    expect(new Set(inbox.mails.flatMap(({ to }) => to))).toEqual(new Set([OFFICER]));

    const [river] = (await api.get<AlertView[]>('/api/alerts?which=all')).filter((a) => a.stationId === 'thach-han');
    await eventually(async () => {
      const { deliveries } = await api.get<AlertDetailView>(`/api/alerts/${river?.id ?? ''}`);
      expect(deliveries.map(({ address, state }) => ({ address, state }))).toEqual([
        { address: OFFICER, state: 'accepted' },
      ]);
    });
  });

  it('shows them in the API and keeps them in the store: count and sum are the file’s', async () => {
    const api = await canh.signIn();
    for (const recording of recordings)
      await eventually(async () => {
        const { station, metric, measured } = recording;
        const times = measured.map(({ at }) => at);
        const span = `metric=${metric}&from=${Math.min(...times)}&to=${Math.max(...times) + 1}`;
        const { buckets } = await api.get<{ buckets: { count: number; mean: number }[] }>(
          `/api/stations/${station}/series?${span}`,
        );
        expectSame(
          {
            count: buckets.reduce((sum, { count }) => sum + count, 0),
            sum: buckets.reduce((sum, { count, mean }) => sum + count * mean, 0),
          },
          recording,
        );
      });
    expect((await api.get<{ counts: unknown[] }>('/api/quarantine')).counts).toEqual([]);
    await canh.stop();
    const { store } = await DuckDbSeriesStore.open(join(canh.dataDir, 'series'));
    try {
      for (const recording of recordings) {
        const { station: stationId, metric } = recording;
        expectSame(await store.summary({ stationId, metric, ...always }), recording);
      }
    } finally {
      await store.close();
    }
  });
});

/** One file into a series database outside of Canh. */
async function replayedInto(
  recording: Recording,
  server: { url: string; settle?: () => Promise<void> },
  version: '1' | 'victoria',
  bucket: string,
): Promise<void> {
  const inbox = await SmtpInbox.start();
  const dataDir = await temporaryFolder();
  const tokens = await setUp(dataDir, [recording]);
  const canh = await CanhProcess.start({
    env: {
      ...settings(inbox),
      CANH_DATA_DIR: dataDir,
      CANH_INFLUX_URL: server.url,
      CANH_INFLUX_VERSION: version,
      CANH_INFLUX_BUCKET: bucket,
    },
  });
  const store = await InfluxSeriesStore.open({
    url: server.url,
    token: '',
    org: 'canh',
    bucket,
    version,
    timeoutMs: 10_000,
  });
  try {
    await replayAll(canh, [recording], tokens);
    await eventually(async () => {
      await server.settle?.();
      const { station: stationId, metric } = recording;
      expectSame(await store.summary({ stationId, metric, ...always }), recording);
    });
    const api = await canh.signIn();
    const [alert] = await api.get<AlertView[]>('/api/alerts?which=all');
    expect(alert?.since).toBe(recording.firstSince);
    await eventually(() => expect(inbox.mails.length).toBeGreaterThan(0));
    await canh.stop();
  } finally {
    await store.close();
    await canh.remove();
    await inbox.close();
  }
}

const recordingOf = (file: string): Recording => {
  const found = recordings.find((recording) => recording.file.endsWith(file));
  if (found === undefined) throw new Error(`${file} is not among the recordings.`);
  return found;
};

describe.skipIf(missing('influxd', 'influxdb'))('the same, stored in InfluxDB 1.6', () => {
  let influx: InfluxDbServer;
  beforeAll(async () => {
    influx = await startInfluxDb();
  });
  afterAll(() => influx?.remove());

  // It has two readings under one time stamp, which InfluxDB can tell apart.
  it(
    'holds count and sum of the file',
    () => replayedInto(recordingOf('speed_t4013.csv'), influx, '1', 'canh'),
    120_000,
  );
});

describe.skipIf(missing('victoria-metrics', 'victoria-metrics'))('the same, stored in VictoriaMetrics', () => {
  let victoria: VictoriaServer;
  beforeAll(async () => {
    victoria = await startVictoriaMetrics();
  });
  afterAll(() => victoria?.remove());

  it(
    'holds count and sum of the file',
    () => replayedInto(recordingOf('occupancy_6005.csv'), victoria, 'victoria', 'canh'),
    120_000,
  );
});
