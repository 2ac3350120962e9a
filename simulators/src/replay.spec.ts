import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CanhError } from '@canh/core/canh-error';
import { MINUTE_MS } from '@canh/core/time/instant';
import type { Publisher } from './fleet.js';
import { parseMetricMapping } from './recorded/metric-mapping.js';
import { replay, type ReplayOptions, type ReplayReport } from './replay.js';
import type { WallClock } from './wall-clock.js';

const DATA = join(import.meta.dirname, '../../tests/data');
const NOW = Date.parse('2025-10-27T08:00:00Z');
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'canh-replay-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Item {
  ts: number;
  values: Record<string, number>;
  seq?: number;
}

/** Where the world begins: what was published. */
function server(): Publisher & { items: Item[]; messages: number } {
  const to = { items: [] as Item[], messages: 0, publish };
  function publish(_: string, payload: unknown): Promise<void> {
    to.messages += 1;
    to.items.push(...((Array.isArray(payload) ? payload : [payload]) as Item[]));
    return Promise.resolve();
  }
  return to;
}

async function replayed(file: string, options: Partial<ReplayOptions> = {}): Promise<ReplayReport & { items: Item[] }> {
  const fleet = server();
  const report = await replay({ file, fleet, deviceId: 'd', timezone: 'Asia/Ho_Chi_Minh', ...options });
  expect(report.messages).toBe(fleet.messages);
  return { ...report, items: fleet.items };
}

async function written(name: string, text: string | Uint8Array): Promise<string> {
  const file = join(folder, name);
  await writeFile(file, text);
  return file;
}

/** The plainest reading of a file there is, to check the real one with. */
const cells = (file: string): string[][] =>
  readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(','));

describe('traffic recordings', () => {
  it.each([
    ['speed_7578.csv', 'value=speed_kmh:mph', 'speed_kmh', 1.609344, 1127],
    ['speed_t4013.csv', 'value=speed_kmh*1.609344', 'speed_kmh', 1.609344, 2495],
    ['occupancy_6005.csv', 'value=occupancy_pct', 'occupancy_pct', 1, 2380],
    ['TravelTime_387.csv', 'value=travel_time_s', 'travel_time_s', 1, 2500],
  ])('%s: every row is sent, and count and sum are the file’s', async (name, mapping, metric, factor, rows) => {
    const file = join(DATA, 'nab-traffic', name);
    const report = await replayed(file, { metrics: [parseMetricMapping(mapping)] });
    const sum = cells(file).reduce((total, [, value]) => total + Number(value) * factor, 0);
    expect(report).toMatchObject({ rows, sent: rows, missing: 0, messages: rows, count: { [metric]: rows } });
    expect(report.sum[metric]).toBeCloseTo(sum, 6);
    const [first, last] = [cells(file)[0]![0]!, cells(file).at(-1)![0]!];
    expect(report.first).toBe(Date.parse(`${first.replace(' ', 'T')}+07:00`));
    expect(report.last).toBe(Date.parse(`${last.replace(' ', 'T')}+07:00`));
    // What the server takes for a reading's identity is unique, though time stamps are not.
    expect(new Set(report.items.map(({ ts, seq }) => `${ts}/${seq ?? 0}`)).size).toBe(rows);
  });

  it('tells apart the two rows that share a time stamp', async () => {
    const { items } = await replayed(join(DATA, 'nab-traffic/speed_t4013.csv'), {
      metrics: [parseMetricMapping('value=speed_kmh:mph')],
    });
    const shared = items.filter(({ ts }) => ts === Date.parse('2015-09-10T05:33:00+07:00'));
    expect(shared.map(({ seq }) => seq)).toEqual([undefined, 1]);
  });

  it('asks which metric it is, since the file does not say', async () => {
    await expect(replayed(join(DATA, 'nab-traffic/speed_7578.csv'))).rejects.toThrow(/--metric value=/);
  });
});

describe('the Beijing recording', () => {
  const file = join(DATA, 'air/beijing-pm25-hourly-2010-2011.csv');
  const pm25 = cells(file).map((row) => row[5]!);

  it('sends what was measured and not what is missing', async () => {
    const report = await replayed(file, { timezone: 'Asia/Shanghai' });
    const measured = pm25.filter((value) => value !== 'NA').map(Number);
    expect(report.rows).toBe(17_520);
    expect(report.missing).toBe(pm25.filter((value) => value === 'NA').length);
    expect(report.count).toEqual({ pm25_ugm3: measured.length });
    expect(report.sum['pm25_ugm3']).toBe(measured.reduce((sum, value) => sum + value, 0));
    expect(report.sent + report.missing).toBe(report.rows);
    expect(report.first).toBe(Date.parse('2010-01-01T00:00:00+08:00'));
    expect(report.last).toBe(Date.parse('2011-12-31T23:00:00+08:00'));
  });

  it('sends several columns of a row together, and the row without the one that is missing', async () => {
    const metrics = ['pm2.5=pm25_ugm3', 'TEMP=temperature_c', 'PRES=pressure_hpa'].map(parseMetricMapping);
    const report = await replayed(file, { metrics, rowsPerMessage: 50 });
    expect(report.messages).toBe(Math.ceil(17_520 / 50));
    expect(report.count).toEqual({
      pm25_ugm3: pm25.filter((value) => value !== 'NA').length,
      temperature_c: 17_520,
      pressure_hpa: 17_520,
    });
    expect(report.items[0]).toEqual({ ts: report.first, values: { temperature_c: -11, pressure_hpa: 1021 } });
  });
});

describe('the USGS recording', () => {
  const file = join(DATA, 'water/usgs-instantaneous-values.json');

  it('converts feet and cubic feet, and keeps the offset of its times', async () => {
    const report = await replayed(file, { site: '01491000' });
    expect(report).toMatchObject({ rows: 5, sent: 10, missing: 0, count: { flow_m3s: 5, level_m: 5 } });
    const series = (
      JSON.parse(readFileSync(file, 'utf8')) as {
        value: { timeSeries: { values: { value: { value: string }[] }[] }[] };
      }
    ).value.timeSeries;
    const total = (index: number): number =>
      series[index]!.values[0]!.value.reduce((sum, { value }) => sum + Number(value), 0);
    expect(report.sum['flow_m3s']).toBeCloseTo(total(0) * 0.3048 ** 3, 6);
    expect(report.sum['level_m']).toBeCloseTo(total(1) * 0.3048, 8);
    expect(report.items[0]).toEqual({
      ts: Date.parse('2019-02-14T00:00:00-05:00'),
      values: { flow_m3s: 27.5806085806, level_m: 1.975104 },
    });
  });

  it('asks which of its sites the device stands at', async () => {
    await expect(replayed(file)).rejects.toThrow(/holds 2 sites: 01491000 CHOPTANK.*01645000 SENECA/);
    await expect(replayed(file, { site: '1' })).rejects.toThrow(/holds no site 1/);
    await expect(replayed(file, { site: '01645000' })).resolves.toMatchObject({ rows: 5, sent: 10 });
  });

  it('leaves out -999999', async () => {
    const text = readFileSync(file, 'utf8').replaceAll('"6.48"', '"-999999"');
    const report = await replayed(await written('gap.json', text), { site: '01491000' });
    expect(report).toMatchObject({ rows: 5, sent: 8, missing: 2, count: { flow_m3s: 5, level_m: 3 } });
  });
});

describe('a CSV', () => {
  it('with a column for each metric needs no mapping; times carry their zone or are local; quotes, CRLF, BOM and gaps are fine', async () => {
    const text =
      '\uFEFFtimestamp,level_m,note,flow_m3s\r\n2025-10-27T07:00:00+07:00,3.4,"a, ""b""",120\r\n"2025-10-27 07:10",3.5,,\r\n\r\n2025-10-27T00:20:00.250Z,NA,,-999999\r\n';
    const report = await replayed(await written('wide.csv', text));
    expect(report.items).toEqual([
      { ts: Date.parse('2025-10-27T00:00:00Z'), values: { level_m: 3.4, flow_m3s: 120 } },
      { ts: Date.parse('2025-10-27T00:10:00Z'), values: { level_m: 3.5 } },
    ]);
    expect(report).toMatchObject({ rows: 3, sent: 3, missing: 3, last: Date.parse('2025-10-27T00:20:00.250Z') });
  });

  it('is shifted as a whole by end-now, so that its last row is now', async () => {
    const clock: WallClock = { now: () => NOW, until: () => Promise.resolve() };
    const file = await written(
      'shift.csv',
      'timestamp,level_m\n2001-05-01 10:00:00,1\n2001-05-01 10:10:00,2\n2001-05-01 10:10:00,3\n',
    );
    const { items, first, last } = await replayed(file, { time: 'end-now', clock });
    expect(items).toEqual([
      { ts: NOW - 10 * MINUTE_MS, values: { level_m: 1 } },
      { ts: NOW, values: { level_m: 2 } },
      { ts: NOW, values: { level_m: 3 }, seq: 1 },
    ]);
    expect([first, last]).toEqual([NOW - 10 * MINUTE_MS, NOW]);
  });

  it('goes out no faster than asked', async () => {
    const waits: number[] = [];
    let now = NOW;
    const clock: WallClock = {
      now: () => now,
      until: (at) => {
        waits.push(at - NOW);
        now = Math.max(now, at);
        return Promise.resolve();
      },
    };
    const file = await written(
      'rate.csv',
      `timestamp,level_m\n${[0, 1, 2, 3].map((at) => `2025-10-27 07:0${at},1`).join('\n')}\n`,
    );
    await replayed(file, { ratePerSecond: 4, clock });
    expect(waits).toEqual([0, 250, 500, 750]);
  });

  it('reads local times as the zone had them: summer time, an hour shown twice, an hour left out', async () => {
    const rows = ['2015-07-01 12:00', '2015-12-01 12:00', '2015-11-01 01:30', '2015-11-01 02:30', '2015-03-08 02:30'];
    const file = await written('zone.csv', `timestamp,level_m\n${rows.map((row) => `${row},1`).join('\n')}\n`);
    const { items } = await replayed(file, { timezone: 'America/Chicago' });
    expect(items.map(({ ts }) => new Date(ts).toISOString())).toEqual([
      '2015-07-01T17:00:00.000Z',
      '2015-12-01T18:00:00.000Z',
      '2015-11-01T06:30:00.000Z',
      '2015-11-01T08:30:00.000Z',
      '2015-03-08T08:30:00.000Z',
    ]);
  });

  it.each([
    ['empty', '', 'EMPTY_RECORDING', /holds no measurements/],
    ['only a header', 'timestamp,level_m\n', 'EMPTY_RECORDING', /holds no measurements/],
    ['no time column', 'a,b\n1,2\n', 'BAD_RECORDING', /names no time column \(it has: a,b\)/],
    ['text', 'hello world\nnice day\n', 'BAD_RECORDING', /names no time column/],
    ['binary', new Uint8Array([0, 255, 1, 10, 3]), 'BAD_RECORDING', /line 1 is no line of a CSV/],
    [
      'a word for a number',
      'timestamp,level_m\n2025-10-27 07:00,high\n',
      'BAD_RECORDING',
      /line 2 has 'high' in column 'level_m'/,
    ],
    ['1e400', 'timestamp,level_m\n2025-10-27 07:00,1e400\n', 'BAD_RECORDING', /line 2 has '1e400'/],
    [
      'no such day',
      'timestamp,level_m\n2025-02-30 07:00,1\n',
      'BAD_RECORDING',
      /line 2 has the time '2025-02-30 07:00'/,
    ],
    ['a torn line', 'timestamp,level_m\n2025-10-27 07:00,1\n2025-10-27 0', 'BAD_RECORDING', /line 3 has 1 cells/],
    ['no metric', 'timestamp,value\n2025-10-27 07:00,1\n', 'UNKNOWN_COLUMN', /none of its columns \(value\)/],
    ['before 1970', 'timestamp,level_m\n1969-10-27 07:00,1\n', 'BAD_RECORDING', /--time end-now/],
  ])('that is wrong (%s) is one clear error, and nothing is sent', async (name, text, code, message) => {
    const fleet = server();
    const file = await written(`${name}.csv`, text);
    const error: unknown = await replay({ file, fleet, deviceId: 'd', timezone: 'Asia/Ho_Chi_Minh' }).catch(
      (caught: unknown) => caught,
    );
    expect(error).toBeInstanceOf(CanhError);
    expect(error).toMatchObject({ code });
    expect((error as Error).message).toMatch(message);
    expect((error as Error).message).not.toContain('\n');
    expect(fleet.messages).toBe(0);
  });

  it('that is not there, or without the column asked for, says so', async () => {
    await expect(replayed(join(folder, 'none.csv'))).rejects.toMatchObject({ code: 'CANNOT_READ_RECORDING' });
    await expect(replayed(join(folder, 'none.json'))).rejects.toMatchObject({ code: 'CANNOT_READ_RECORDING' });
    await expect(replayed(folder)).rejects.toMatchObject({ code: 'CANNOT_READ_RECORDING' });
    const file = await written('columns.csv', 'timestamp,speed\n2025-10-27 07:00,1\n');
    await expect(replayed(file, { metrics: [parseMetricMapping('velocity=speed_kmh')] })).rejects.toThrow(
      /no column 'velocity'. Its columns are: timestamp, speed/,
    );
    await expect(replayed(await written('other.json', '{"a":1}'))).rejects.toMatchObject({ code: 'BAD_RECORDING' });
  });

  it('stops where the device is refused, with the server’s reason', async () => {
    const file = await written('refused.csv', 'timestamp,level_m\n2025-10-27 07:00,1\n2025-10-27 07:10,1\n');
    const fleet: Publisher = { publish: () => Promise.reject(new CanhError('DEVICE_REFUSED', 'refused')) };
    await expect(replayed(file, { fleet })).rejects.toMatchObject({ code: 'DEVICE_REFUSED' });
  });
});

describe('a mapping', () => {
  it.each([
    ['value=speed_kmh', 1],
    ['value=speed_kmh:mph', 1.609344],
    ['value=speed_kmh*0.5', 0.5],
    ['00065=level_m:ft', 0.3048],
    ['00060=flow_m3s:ft3/s', 0.028316846592],
  ])('%s', (text, factor) => {
    expect(parseMetricMapping(text).factor).toBe(factor);
  });

  it.each([
    'speed_kmh',
    'value=',
    'value=Speed',
    'value=speed_kmh:parsec',
    'value=speed_kmh*',
    'value=speed_kmh*0',
    '=speed_kmh',
  ])('%s is refused', (text) => {
    expect(() => parseMetricMapping(text)).toThrow(CanhError);
  });
});
