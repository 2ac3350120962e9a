import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadCatalogue } from '@canh/adapters/device-catalogue/device-catalogue';
import { decodeGatewayTelemetry } from '@canh/core/readings/decode-gateway';
import { decodeTelemetry, type Decoded } from '@canh/core/readings/decode-telemetry';
import { Flag } from '@canh/core/quality/flag';
import { grossRange } from '@canh/core/quality/gross-range';
import type { LocalText } from '@canh/core/stations/local-text';
import { MINUTE_MS } from '@canh/core/time/instant';

const DEVICES = join(import.meta.dirname, '../../devices');
/** Just after the newest time in the samples. */
const RECEIVED_AT = Date.parse('2025-10-28T02:00:30+07:00');

/** UCUM codes in use; an annotation in braces where UCUM has no unit. A new one goes here when the page can show it. */
const UNITS = new Set(
  'm m3/s mm ug/m3 Cel % hPa m/s deg W/m2 {vehicle} {stretch} km/h s min mg/L [pH] {NTU} uS/cm g/L V dB{mW}'.split(' '),
);
/** The unit that a metric's name ends in, and its code. */
const UNIT_OF_SUFFIX: Readonly<Record<string, string>> = {
  m: 'm',
  m3s: 'm3/s',
  mm: 'mm',
  ugm3: 'ug/m3',
  c: 'Cel',
  pct: '%',
  hpa: 'hPa',
  ms: 'm/s',
  deg: 'deg',
  wm2: 'W/m2',
  count: '{vehicle} {stretch}',
  kmh: 'km/h',
  min: 'min',
  s: 's',
  mgl: 'mg/L',
  ph: '[pH]',
  ntu: '{NTU}',
  uscm: 'uS/cm',
  gl: 'g/L',
  v: 'V',
  dbm: 'dB{mW}',
};

const catalogue = await loadCatalogue(DEVICES);
const profiles = [...catalogue.profiles.values()];

it('describes devices of all kinds', () => {
  expect(new Set(profiles.map(({ kind }) => kind))).toEqual(
    new Set(['environmental', 'traffic-camera', 'water', 'system']),
  );
});

it('is plain data, so that it can be handed to the thread that judges', () => {
  expect(structuredClone(catalogue)).toEqual(catalogue);
  expect(
    profiles.every(({ metrics }) => metrics.every(({ names }) => Object.getPrototypeOf(names) === Object.prototype)),
  ).toBe(true);
});

describe.each(profiles)('$kind/$id', (profile) => {
  const rules = catalogue.rules.filter(({ profileIds }) => profileIds.includes(profile.id));
  const metrics = new Map(profile.metrics.map((metric) => [metric.name, metric]));
  const folder = join(DEVICES, profile.kind, profile.id, 'samples');

  it('has a Vietnamese and an English name for everything that has a name', () => {
    const named = [profile, ...profile.metrics, ...rules].map(({ names }) => names);
    expect(named.filter((names) => !isTranslated(names))).toEqual([]);
    const guidance = rules.flatMap((rule) => Object.values(rule.guidance) as LocalText[]);
    expect(guidance.filter((text) => !isTranslated(text))).toEqual([]);
  });

  it.skipIf(profile.kind === 'system')('says how its own power and signal are', () => {
    expect([...metrics.keys()]).toEqual(expect.arrayContaining(['battery_v', 'rssi_dbm']));
    expect(rules.some(({ metric, direction }) => metric === 'battery_v' && direction === 'below')).toBe(true);
  });

  it('has units that are known, and that are what the names of its metrics end in', () => {
    for (const { name, unit } of profile.metrics) {
      expect(UNITS, name).toContain(unit);
      expect(UNIT_OF_SUFFIX[name.split('_').at(-1) ?? '']?.split(' '), name).toContain(unit);
    }
  });

  it('has rules that can be reached, each on a metric it has', () => {
    expect(rules.length).toBeGreaterThan(1);
    for (const rule of rules) expect(metrics.has(rule.metric), `${rule.id} is on ${rule.metric}`).toBe(true);
    expect(rules.some(({ levels }) => levels.length > 1)).toBe(true);
  });

  it('sends samples that are readings of its metrics, of plausible size', async () => {
    const seen = new Set<string>();
    let withSequence = 0;
    for (const file of await readdir(folder)) {
      const text = await readFile(join(folder, file), 'utf8');
      const points = (file.startsWith('gateway') ? gateway(text) : [decodeTelemetry(text, RECEIVED_AT)]).flatMap(
        (decoded) => {
          expect(decoded.faults, file).toEqual([]);
          return decoded.points;
        },
      );
      expect(points.length, file).toBeGreaterThan(0);
      for (const { measuredAt, seq, values } of points) {
        expect(measuredAt, file).toBeGreaterThan(RECEIVED_AT - 60 * MINUTE_MS);
        expect(measuredAt, file).toBeLessThanOrEqual(RECEIVED_AT);
        withSequence += seq === null ? 0 : 1;
        for (const [name, value] of values) {
          const metric = metrics.get(name);
          expect(metric, `${file}: ${name}`).toBeDefined();
          if (metric === undefined) continue;
          expect(grossRange(value, metric.plausible, metric.expected), `${file}: ${name} ${value}`).toBe(Flag.good);
          seen.add(name);
        }
      }
    }
    expect(
      [...metrics.keys()].filter((name) => !seen.has(name)),
      'metrics in no sample',
    ).toEqual([]);
    expect(withSequence, 'readings with seq').toBeGreaterThan(0);
  });
});

it('has a sample of a gateway that speaks for several devices', async () => {
  const text = await readFile(join(DEVICES, 'water/river-gauge/samples/gateway.json'), 'utf8');
  expect(decodeGatewayTelemetry(text, RECEIVED_AT).devices.map(({ deviceName }) => deviceName)).toEqual([
    'Cầu Thạch Hãn',
    'Cầu Ái Tử',
  ]);
});

function gateway(text: string): readonly Decoded[] {
  const { devices, faults } = decodeGatewayTelemetry(text, RECEIVED_AT);
  expect(faults).toEqual([]);
  return devices;
}

const isTranslated = ({ vi, en }: LocalText): boolean => vi.trim() !== '' && en.trim() !== '' && vi !== en;
