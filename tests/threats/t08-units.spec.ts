import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadCatalogue } from '@canh/adapters/device-catalogue/device-catalogue';
import { Flag } from '@canh/core/quality/flag';
import { KnownDevices } from '@canh/core/stations/known-devices';
import { INVENTORY, read } from './river.js';

const MODEL = 'environmental/air-quality-station';
const PROFILE = 'air-quality-station';

let devices: string;
beforeEach(async () => {
  devices = await mkdtemp(join(tmpdir(), 'canh-units-'));
  await cp(join(import.meta.dirname, '../../devices'), devices, { recursive: true });
});
afterEach(() => rm(devices, { recursive: true }));

/** The model sends this metric in another unit, or is said to. */
async function sends(metric: string, sentIn: string): Promise<void> {
  const file = join(devices, MODEL, 'profile.yaml');
  const text = await readFile(file, 'utf8');
  const from = new RegExp(`(- name: ${metric}\\n.*\\n    unit: .*\\n)`);
  expect(text).toMatch(from);
  await writeFile(file, text.replace(from, `$1    sentIn: '${sentIn}'\n`));
}

/** What becomes of a payload, by way of the profile as it is loaded at a start. */
async function readingsOf(payload: string): Promise<readonly (readonly [metric: string, value: number, flag: Flag])[]> {
  const { profiles } = await loadCatalogue(devices);
  const inventory = {
    ...INVENTORY,
    devices: INVENTORY.devices.map((device) => ({ ...device, profileId: PROFILE })),
  };
  const { readings, faults } = read(payload, 'telemetry', new KnownDevices(inventory, profiles));
  expect(faults).toEqual([]);
  return readings.map(({ metric, value, flag }) => [metric, value, flag]);
}

describe('T08 a device that sends in another unit', () => {
  it.each([
    ['temperature_c', '[degF]', 32, 0],
    ['temperature_c', '[degF]', 212, 100],
    ['temperature_c', '[degF]', -40, -40],
    ['temperature_c', 'K', 273.15, 0],
    ['pm25_ugm3', 'mg/m3', 0.035, 35],
    ['pressure_hpa', 'kPa', 101.325, 1013.25],
    ['pressure_hpa', 'Pa', 101_325, 1013.25],
    ['battery_v', 'mV', 12_600, 12.6],
  ])('%s in %s: %d is kept as %d, whichever way it is read', async (metric, sentIn, sent, kept) => {
    await sends(metric, sentIn);
    const payload = JSON.stringify({ [metric]: sent });
    for (const text of [payload, `[${payload}]`]) {
      const [[name, value] = ['', NaN]] = await readingsOf(text);
      expect(name).toBe(metric);
      expect(value).toBeCloseTo(kept, 9);
    }
  });

  it('is held against the range of the metric as it is kept: 90 °F is good, and 90 °C of a device that sends °F is none', async () => {
    expect(await readingsOf('{"temperature_c":90}')).toEqual([['temperature_c', 90, Flag.failed]]);
    await sends('temperature_c', '[degF]');
    expect((await readingsOf('{"temperature_c":90}')).map(([, value, flag]) => [Math.round(value), flag])).toEqual([
      [32, Flag.good],
    ]);
  });

  it.each([
    [
      'temperature_c',
      'degF',
      /profile\.yaml:\d+ metrics\[6\]\.sentIn is degF, .* convert to Cel; give one of Cel, K, \[degF\]/,
    ],
    ['temperature_c', 'kPa', /sentIn is kPa, which is not known to convert to Cel/],
    ['pm25_ugm3', 'mg', /sentIn is mg, which is not known to convert to ug\/m3/],
    ['pressure_hpa', 'KPA', /sentIn is KPA, .*give one of Pa, hPa, kPa/],
    ['rssi_dbm', 'V', /sentIn is V, which is not known to convert to dB\{mW\}; leave it out/],
  ])('%s in %s, which is no unit of it, is not started with', async (metric, sentIn, says) => {
    await sends(metric, sentIn);
    await expect(loadCatalogue(devices)).rejects.toThrow(says);
  });
});
