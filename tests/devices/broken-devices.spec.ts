import { cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadCatalogue } from '@canh/adapters/device-catalogue/device-catalogue';
import { CanhError } from '@canh/core/canh-error';

const DEVICES = join(import.meta.dirname, '../../devices');
const PROFILE = 'water/river-gauge/profile.yaml';
const RULES = 'water/river-gauge/rules.yaml';

let devices: string;
beforeEach(async () => {
  devices = await mkdtemp(join(tmpdir(), 'canh-devices-'));
  await cp(DEVICES, devices, { recursive: true });
});
afterEach(() => rm(devices, { recursive: true }));

/** Makes one change to one file of a copy of the real folder. */
async function edit(file: string, from: string, to: string): Promise<void> {
  const text = await readFile(join(devices, file), 'utf8');
  expect(text, `${file} was expected to hold '${from}'`).toContain(from);
  await writeFile(
    join(devices, file),
    text.replace(from, () => to),
  );
}

async function put(file: string, text: string | Uint8Array): Promise<void> {
  await mkdir(dirname(join(devices, file)), { recursive: true });
  await writeFile(join(devices, file), text);
}

/** What the person who broke it reads: one line a problem, without the heading. */
async function problems(): Promise<string[]> {
  const error: unknown = await loadCatalogue(devices).then(
    () => new Error('The folder was loaded.'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(CanhError);
  expect(error).toMatchObject({ code: 'BAD_CATALOGUE' });
  const [heading, ...lines] = (error as CanhError).message.split('\n');
  expect(heading).toMatch(/^(One problem|\d+ problems) in the device descriptions of \//);
  return lines.map((line) => line.trim());
}

describe('a mistake in a profile is named with its file, line and field', () => {
  it.each([
    [
      'id: river-gauge',
      'id: River_Gauge',
      `${PROFILE}:1 id must be in kebab-case (a-z, 0-9, single hyphens between), at most 64 characters`,
    ],
    [
      'id: river-gauge',
      'id: river-gage',
      `${PROFILE}:1 id is river-gage, but its folder is water/river-gauge; correct one`,
    ],
    ['kind: water', 'kind: wather', `${PROFILE}:2 kind must be one of environmental, traffic-camera, water, system`],
    [
      'kind: water',
      'kind: environmental',
      `${PROFILE}:2 kind is environmental, but its folder is water/river-gauge; correct one`,
    ],
    [
      'interval: 10m',
      'interval: 600',
      `${PROFILE}:4 interval must be a duration from 1s to 7d: a number and ms, s, m, h or d, as in 10m`,
    ],
    [
      'interval: 10m',
      'interval: 0s',
      `${PROFILE}:4 interval must be a duration from 1s to 7d: a number and ms, s, m, h or d, as in 10m`,
    ],
    ['interval: 10m\n', '', `${PROFILE}:1 interval is missing`],
    [
      'interval: 10m',
      'intervall: 10m',
      `${PROFILE}:4 intervall is no field here; remove it or correct its name. The fields are id, kind, names, interval, metrics`,
    ],
    ['en: River gauge', 'en: " "', `${PROFILE}:3 names.en must be a text of 1 to 1000 characters`],
    [', en: River gauge', '', `${PROFILE}:3 names.en is missing`],
    [
      'names: { vi: Trạm đo mực nước sông, en: River gauge }',
      'names: [River gauge]',
      `${PROFILE}:3 names must be fields and their values, in { } or indented below it`,
    ],
    ['name: level_m', 'name: Level-m', /:6 metrics\[0\]\.name must be a-z, then a-z, 0-9 or _, at most 63 characters/],
    ['name: level_m', 'name: values', /:6 metrics\[0\]\.name must be .* none of ts, seq, values$/],
    ['name: flow_m3s', 'name: level_m', /:6 metrics must not name a metric twice$/],
    ['unit: m\n', 'unit: mét nước\n', /:8 metrics\[0\]\.unit must be a UCUM code, without spaces or accents/],
    [
      '{ min: -10, max: 1500 }',
      '{ min: 1500, max: -10 }',
      /metrics\[0\]\.plausible\.max must be more than min, which is 1500$/,
    ],
    ['{ min: -10, max: 1500 }', '{ min: 0, max: .inf }', /metrics\[0\]\.plausible\.max must be a number$/],
    ['{ min: -10, max: 1500 }', '{ min: 0, max: 1e400 }', /metrics\[0\]\.plausible\.max must be a number$/],
    ['{ min: -10, max: 1500 }', '{ min: "0", max: 9 }', /metrics\[0\]\.plausible\.min must be a number$/],
    [
      '{ min: -10, max: 1500 }',
      '[-10, 1500]',
      /metrics\[0\]\.plausible must be fields and their values, in { } or indented below it$/,
    ],
    [
      'expected: { min: 2, max: 30 }',
      'expected: { min: 2, max: 33 }',
      /metrics\[2\]\.expected must lie inside plausible, which is 0 to 32$/,
    ],
    ['decimals: 2', 'decimals: 2.5', /metrics\[0\]\.decimals must be a whole number from 0 to 6$/],
    ['decimals: 2', 'decimals: 9', /metrics\[0\]\.decimals must be a whole number from 0 to 6$/],
  ])('%j becomes %j', async (from, to, says) => {
    await edit(PROFILE, from, to);
    // Rules on a metric that was renamed have their own lines; the mistake itself comes first.
    expect((await problems())[0]).toMatch(says);
  });

  it('a list of metrics that is no list of metrics', async () => {
    for (const metrics of ['5', '[]', '[level_m]', '[null]', '[[{ name: level_m }]]', '{ level_m: m }']) {
      const names = 'names: { vi: Sông, en: River }';
      await put(PROFILE, `id: river-gauge\nkind: water\n${names}\ninterval: 10m\nmetrics: ${metrics}\n`);
      expect((await problems()).join('\n')).toMatch(/profile\.yaml:5 metrics must /);
    }
  });
});

describe('a mistake in a rule is named with its file, line and field', () => {
  const LEVEL_1 = '{ severity: warning, limit: { station: alarm_1, otherwise: null }, deadBand: 0.05, hold: 10m }';
  const LEVEL_2 = '{ severity: major, limit: { station: alarm_2, otherwise: null }, deadBand: 0.05, hold: 10m }';
  it.each([
    ['kind: threshold', 'kind: treshold', `${RULES}:4 rules[0].kind must be threshold, the one kind there is`],
    ['id: river-level', `id: ${'a'.repeat(65)}`, /:5 rules\[0\]\.id must be in kebab-case/],
    [
      'id: river-level',
      'id: river-flow',
      /rules\[1\]\.id is river-flow, as is that of another rule in water\/river-gauge; rename one$/,
    ],
    [
      'id: river-level',
      'id: heat',
      /rules\[0\]\.id is heat, as is that of another rule in environmental\/weather-station; rename one$/,
    ],
    ['version: 1', 'version: 0', `${RULES}:6 rules[0].version must be a whole number from 1 to 1000000`],
    [
      'metric: level_m',
      'metric: level_cm',
      `${RULES}:8 rules[0].metric is level_cm, which profile river-gauge does not have; it has level_m, flow_m3s, battery_v, rssi_dbm`,
    ],
    [
      'metric: level_m',
      'metric: level_m\n    profiles: [rain-gauge]',
      /:8 rules\[0\]\.metric is level_m, which profile rain-gauge does not have; it has rain_mm, /,
    ],
    [
      'metric: level_m',
      'metric: level_m\n    profiles: [river-gage]',
      /:9 rules\[0\]\.profiles\[0\] is river-gage, and there are only air-quality-station, weather-station, /,
    ],
    [
      'metric: level_m',
      'metric: level_m\n    profiles: []',
      /:9 rules\[0\]\.profiles must name at least one profile, or be left out$/,
    ],
    [
      'metric: level_m',
      'metric: battery_v\n    profiles: [river-gauge, river-gauge]',
      /:9 rules\[0\]\.profiles must not name a profile twice$/,
    ],
    ['direction: above', 'direction: up', `${RULES}:9 rules[0].direction must be above or below`],
    [
      'severity: warning',
      'severity: minor',
      /:11 rules\[0\]\.levels\[0\]\.severity must be one of warning, major, critical$/,
    ],
    [
      'severity: warning',
      'severity: critical',
      /:11 rules\[0\]\.levels must go from the mildest to the worst, each severity once: warning, major, critical$/,
    ],
    [
      'severity: warning',
      'severity: major',
      /rules\[0\]\.levels must go from the mildest to the worst, each severity once/,
    ],
    [
      'limit: { station: alarm_1, otherwise: null }',
      'limit: { station: alarm_1 }',
      /:11 rules\[0\]\.levels\[0\]\.limit\.otherwise is missing$/,
    ],
    [
      'limit: { station: alarm_1, otherwise: null }',
      'limit: { station: alarm_1, otherwise: null, default: 3 }',
      /limit\.default is no field here; .* The fields are station, otherwise$/,
    ],
    [
      'limit: { station: alarm_1, otherwise: null }',
      'limit: alarm_1',
      /levels\[0\]\.limit must be a number, or \{ station: name of a limit, otherwise: number or null \}$/,
    ],
    ['limit: { station: alarm_1, otherwise: null }', 'limit: [1, 2]', /levels\[0\]\.limit must be a number, or /],
    ['limit: { station: alarm_1, otherwise: null }', 'limit: .nan', /levels\[0\]\.limit must be a number, or /],
    ['limit: { station: alarm_1, otherwise: null }, ', '', /levels\[0\]\.limit is missing$/],
    [
      'limit: { station: alarm_1, otherwise: null }',
      'limit: 1501',
      /levels\[0\]\.limit is 1501, outside what level_m of profile river-gauge can measure, -10 to 1500: /,
    ],
    ['deadBand: 0.05', 'deadBand: -0.05', /:11 rules\[0\]\.levels\[0\]\.deadBand must be at least 0$/],
    ['deadBand: 0.05, ', '', /:11 rules\[0\]\.levels\[0\]\.deadBand is missing$/],
    [
      'otherwise: null }, deadBand: 0.05',
      'otherwise: 3 }, deadBand: 20',
      /levels\[0\]\.deadBand ends the level only at -17, outside what level_m /,
    ],
    ['hold: 10m', 'hold: 10 phút', /:11 rules\[0\]\.levels\[0\]\.hold must be a duration from 0s to 30d/],
    [
      `- ${LEVEL_1}\n      - ${LEVEL_2}`,
      '- { severity: warning, limit: 3, deadBand: 0, hold: 0s }\n      - { severity: major, limit: 3, deadBand: 0, hold: 0s }',
      /rules\[0\]\.levels must have each limit above the one before, since the direction is above: 3, 3$/,
    ],
    ['guidance:', 'guide:', /guide is no field here/],
  ])('%j becomes %j', async (from, to, says) => {
    await edit(RULES, from, to);
    expect((await problems())[0]).toMatch(says);
  });

  it('limits of a rule that looks down must fall', async () => {
    await edit('environmental/weather-station/rules.yaml', 'severity: major, limit: 4,', 'severity: major, limit: 12,');
    expect(await problems()).toEqual([
      'environmental/weather-station/rules.yaml:71 rules[2].levels must have each limit below the one before, since the direction is below: 10, 12, 0',
    ]);
  });

  it('two profiles that one rule judges must measure in one unit', async () => {
    await edit(
      'environmental/weather-station/profile.yaml',
      'en: Rain in 1 hour }\n    unit: mm',
      'en: Rain in 1 hour }\n    unit: cm',
    );
    expect(await problems()).toEqual([
      expect.stringContaining(
        'rules[0].profiles must agree on the unit of rain_1h_mm, which is mm in profile rain-gauge and cm in weather-station; write two rules',
      ),
    ]);
  });
});

it('names all mistakes of all files at once', async () => {
  await edit(PROFILE, 'interval: 10m', 'interval: soon');
  await edit(PROFILE, 'decimals: 2', 'decimals: two');
  await edit(RULES, 'direction: above', 'direction: up');
  await edit('traffic-camera/counting-camera/rules.yaml', 'limit: { station: warning, otherwise: 20 }', 'limit: 999');
  expect(await problems()).toEqual([
    expect.stringContaining('water/river-gauge/profile.yaml:4 interval'),
    expect.stringContaining('water/river-gauge/profile.yaml:12 metrics[0].decimals must be a whole number from 0 to 6'),
    expect.stringContaining('water/river-gauge/rules.yaml:9 rules[0].direction'),
    expect.stringContaining('traffic-camera/counting-camera/rules.yaml:11 rules[0].levels[0].limit is 999'),
  ]);
});

it('lists the first fifty mistakes and counts the rest', async () => {
  const metrics = Array.from({ length: 60 }, (_, at) => `  - { nam: m${at} }`).join('\n');
  await put(
    PROFILE,
    `id: river-gauge\nkind: water\nnames: { vi: Sông, en: River }\ninterval: 10m\nmetrics:\n${metrics}\n`,
  );
  const lines = await problems();
  expect(lines).toHaveLength(51);
  expect(lines.at(-1)).toMatch(/^… and \d+ more$/);
});

describe('folders', () => {
  it('a profile without rules.yaml: no rules must be said, not forgotten', async () => {
    await rename(join(devices, RULES), join(devices, 'water/river-gauge/rule.yaml'));
    expect(await problems()).toEqual([`${RULES} is missing`]);
    await put(RULES, 'rules: []\n');
    expect((await loadCatalogue(devices)).rules.map(({ id }) => id)).not.toContain('river-level');
  });

  it('a folder that is no kind of device', async () => {
    await rename(join(devices, 'traffic-camera'), join(devices, 'cameras'));
    expect(await problems()).toEqual([
      'cameras is no kind of device; move its models to environmental, traffic-camera, water, system',
    ]);
  });

  it('two models of one name', async () => {
    await cp(join(devices, 'water/rain-gauge'), join(devices, 'environmental/rain-gauge'), { recursive: true });
    expect(await problems()).toContain(
      'water/rain-gauge has the same name as environmental/rain-gauge; rename one of them, in its profile too',
    );
  });

  it('an empty folder, and one that is not there', async () => {
    await rm(devices, { recursive: true });
    await expect(loadCatalogue(devices)).rejects.toThrow(
      /The folder of device descriptions cannot be read \(ENOENT.*canh-devices-/,
    );
    await mkdir(devices);
    expect(await problems()).toEqual([
      'no device is described; put one there as <kind>/<model>/profile.yaml and rules.yaml',
    ]);
  });

  it('hidden files, notes and a new model beside the others are welcome', async () => {
    await put('.DS_Store', '');
    await put('water/ghi-chú.md', 'Cầu Hiền Lương');
    await put('water/river-gauge/.profile.yaml.swp', '\0');
    await cp(join(devices, 'water/river-gauge'), join(devices, 'water/radar-gauge'), { recursive: true });
    await edit('water/radar-gauge/profile.yaml', 'id: river-gauge', 'id: radar-gauge');
    await put('water/radar-gauge/rules.yaml', 'rules: []\n');
    expect((await loadCatalogue(devices)).profiles.get('radar-gauge')).toMatchObject({
      kind: 'water',
      intervalMs: 600_000,
    });
  });
});

describe('files that are no YAML of this kind', () => {
  it.each([
    ['a tab', 'id: river-gauge\n\tkind: water\n', /^\S+:2 is no valid YAML: /],
    ['a key twice', 'id: river-gauge\nid: river-gauge\n', /^\S+:2 is no valid YAML: Map keys must be unique/],
    ['a tag', 'id: !!js/function "x"\n', /^\S+:1 is no valid YAML: Unresolved tag/],
    ['two documents', 'id: a\n---\nid: b\n', /is no valid YAML: .*multiple documents/],
    ['an alias', 'id: &a river-gauge\nkind: *a\n', /^\S+:2 uses an alias \(\*\); write the text out$/],
    ['a merge key', 'id: river-gauge\n<<: { kind: water }\n', /:2 << is no field here/],
    ['a prototype', '__proto__: { id: river-gauge }\n', /:1 id is missing|is no field here/],
    ['a key that is a list', '? [a, b]\n: c\n', /^\S+:1 is no valid YAML: /],
    ['nothing', '', /^\S+ must be fields and their values, in { } or indented below it$/],
    ['a list', '- id: river-gauge\n', /^\S+:1 must be fields and their values, in { } or indented below it$/],
    [
      'brackets by the thousand',
      '['.repeat(100_000),
      /^\S+ (cannot be read as YAML|is no valid YAML)|:\d+ is no valid YAML/,
    ],
    [
      'Latin-1',
      Buffer.from('id: tr\u1ea1m'.normalize('NFD') + '\xe9', 'latin1'),
      /^\S+ is not UTF-8; save it in that encoding$/,
    ],
    ['too much', `# ${'x'.repeat(300_000)}\n`, /^\S+ has 300003 bytes, at most 262144 are read$/],
  ])('%s', async (_what, text, says) => {
    await put(PROFILE, text);
    expect((await problems())[0]).toMatch(says);
  });

  it('aliases that grow into gigabytes are not followed', async () => {
    const grown = Array.from({ length: 30 }, (_, at) => `a${at + 1}: &a${at + 1} [*a${at}, *a${at}, *a${at}]`);
    await put(RULES, ['a0: &a0 [x]', ...grown].join('\n'));
    expect((await problems())[0]).toBe(`${RULES}:2 uses an alias (*); write the text out`);
  });

  it('a folder in place of the file', async () => {
    await rm(join(devices, RULES));
    await mkdir(join(devices, RULES));
    expect(await problems()).toEqual([expect.stringMatching(/rules\.yaml cannot be read \(EISDIR/)]);
  });
});
