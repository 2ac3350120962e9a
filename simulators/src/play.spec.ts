import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { CanhError } from '@canh/core/canh-error';
import { Flag } from '@canh/core/quality/flag';
import type { LevelLimit, ThresholdRule } from '@canh/core/rules/rule';
import { stepThreshold, type ThresholdState } from '@canh/core/rules/threshold';
import { durationMs } from '@canh/core/time/duration';
import { HOUR_MS, MINUTE_MS, SECOND_MS } from '@canh/core/time/instant';
import type { Publisher } from './fleet.js';
import { play, timelineOf } from './play.js';
import { sampleProvince } from './province/quang-tri.js';
import { floodNight } from './stories/flood-night.js';
import { jam } from './stories/jam.js';
import { smog } from './stories/smog.js';
import type { Story } from './stories/story.js';
import type { WallClock } from './wall-clock.js';

const NOW = Date.parse('2025-10-27T08:13:21.456Z');
const { devices, stations } = sampleProvince();

/** A wall clock that is always as late as somebody waits for. */
class JumpingClock implements WallClock {
  constructor(public at: number) {}
  now = (): number => this.at;
  until = (at: number): Promise<void> => {
    this.at = Math.max(this.at, at);
    return Promise.resolve();
  };
}

interface Arrival {
  readonly deviceId: string;
  readonly ts: number;
  readonly wallMs: number;
  readonly values: Readonly<Record<string, number>>;
  readonly inArray: boolean;
}

/** Where the world begins: what the server would have received, and when. */
function server(clock: WallClock): Publisher & { arrivals: Arrival[] } {
  const arrivals: Arrival[] = [];
  return {
    arrivals,
    publish(deviceId, payload) {
      const items = (Array.isArray(payload) ? payload : [payload]) as { ts: number; values: Record<string, number> }[];
      for (const { ts, values } of items)
        arrivals.push({ deviceId, ts, values, wallMs: clock.now(), inArray: Array.isArray(payload) });
      return Promise.resolve();
    },
  };
}

async function told(story: Story, options: { speed?: number; lagMs?: number; seed?: number; forMs?: number } = {}) {
  const clock = new JumpingClock(NOW);
  const stop = new AbortController();
  const fleet = server(clock);
  const { speed, lagMs, seed = 1, forMs = 4 * HOUR_MS } = options;
  const pace = { speed: speed ?? story.pace.speed, lagMs: lagMs ?? story.pace.lagMs };
  const report = await play({
    story,
    seed,
    fleet,
    devices,
    clock,
    signal: stop.signal,
    ...pace,
    onProgress: () => {
      if (clock.now() > NOW + forMs) stop.abort();
    },
  });
  return { arrivals: fleet.arrivals, report, timeline: timelineOf(story, pace, 6 * HOUR_MS, NOW) };
}

const FILES: Readonly<Record<string, string>> = {
  'river-level': 'water/river-gauge',
  'pm25-high': 'environmental/air-quality-station',
  'road-queue-speed': 'traffic-camera/counting-camera',
};

function defaultRule(id: string): ThresholdRule {
  type Level = {
    severity: 'warning' | 'major' | 'critical';
    limit: number | { station: string; otherwise: number | null };
    deadBand: number;
    hold: string;
  };
  const file = parse(readFileSync(join(import.meta.dirname, '../../devices', FILES[id]!, 'rules.yaml'), 'utf8')) as {
    rules: (Omit<ThresholdRule, 'levels' | 'profileIds'> & { levels: Level[] })[];
  };
  const rule = file.rules.find((one) => one.id === id)!;
  const levels = rule.levels.map(({ limit, hold, ...level }) => ({
    ...level,
    holdMs: durationMs(hold),
    limit: (typeof limit === 'number'
      ? { kind: 'fixed', value: limit }
      : { kind: 'station', name: limit.station, otherwise: limit.otherwise }) as LevelLimit,
  }));
  return { ...rule, levels, profileIds: [FILES[id]!.split('/')[1]!] };
}

/** What the default rule says of one station, and after how many seconds of the live part, when readings arrive as they do. */
function alerts(
  arrivals: readonly Arrival[],
  stationId: string,
  ruleId: string,
): { kind: string; severity: string; afterS: number }[] {
  const rule = defaultRule(ruleId);
  const { limits } = stations.find(({ id }) => id === stationId)!;
  const said: { kind: string; severity: string; afterS: number }[] = [];
  let state: ThresholdState | undefined;
  for (const { deviceId, ts, values, wallMs } of arrivals) {
    const value = values[rule.metric];
    if (deviceId !== stationId || value === undefined) continue;
    const reading = {
      deviceId,
      stationId,
      metric: rule.metric,
      value,
      measuredAt: ts,
      receivedAt: wallMs,
      sequence: 0,
      flag: Flag.good,
    };
    const step = stepThreshold(rule, limits, state, reading);
    state = step.state;
    if (step.transition !== null)
      said.push({
        kind: step.transition.kind,
        severity: step.transition.kind === 'returned' ? step.transition.previous : step.transition.severity,
        afterS: (wallMs - NOW) / SECOND_MS,
      });
  }
  return said;
}

describe.each([
  ['flood-night', floodNight, 'thach-han', 'river-level'],
  ['smog', smog, 'khi-nam-dong-ha', 'pm25-high'],
  ['jam', jam, 'ql1-nam-dong-ha', 'road-queue-speed'],
] as const)('%s', (_, story, stationId, ruleId) => {
  it.each([1, 2, 3, 4, 5])(
    'raises its alert 20 to 40 s after the live part began, and worse follows within minutes (seed %i)',
    async (seed) => {
      const { arrivals } = await told(story, { seed, forMs: 30 * MINUTE_MS });
      const said = alerts(arrivals, stationId, ruleId);
      expect(said[0]).toMatchObject({ kind: 'raised', severity: 'warning' });
      expect(said[0]!.afterS).toBeGreaterThan(20);
      expect(said[0]!.afterS).toBeLessThan(40);
      expect(said[1]).toMatchObject({ kind: 'severity-changed', severity: 'major' });
      expect(said[1]!.afterS).toBeLessThan(5 * 60);
    },
  );

  it.each([
    [10, 10 * MINUTE_MS],
    [60, 90 * MINUTE_MS],
    [3, 2 * MINUTE_MS],
  ])('at speed %i with a lag of %i ms the first alert still comes in time', async (speed, lagMs) => {
    const { arrivals } = await told(story, { speed, lagMs, forMs: 10 * MINUTE_MS });
    const first = alerts(arrivals, stationId, ruleId)[0]!;
    // A slow story gets from one report of the station to the next in more than ten seconds.
    const interval = story === floodNight ? 600 : story === smog ? 300 : 60;
    expect(Math.abs(first.afterS - 30)).toBeLessThanOrEqual(10 + interval / speed);
  });
});

describe('a telling', () => {
  it('goes over BĐ1, BĐ2 and BĐ3 while it catches up', async () => {
    const { arrivals, timeline } = await told(floodNight);
    const said = alerts(arrivals, 'thach-han', 'river-level').slice(0, 3);
    expect(said.map(({ severity }) => severity)).toEqual(['warning', 'major', 'critical']);
    expect(said[2]!.afterS * SECOND_MS).toBeLessThan(timeline.caughtUpAfterMs);
  });

  it('never sends a time in the future, and sends each device its readings in order', async () => {
    const { arrivals } = await told(floodNight);
    const last = new Map<string, number>();
    for (const { deviceId, ts, wallMs } of arrivals) {
      expect(ts).toBeLessThanOrEqual(wallMs);
      expect(ts % MINUTE_MS).toBe(0);
      expect(ts).toBeGreaterThan(last.get(deviceId) ?? 0);
      last.set(deviceId, ts);
    }
  });

  it('sends six hours of past at once and in arrays, then reading by reading', async () => {
    const { arrivals, timeline } = await told(floodNight);
    const backlog = arrivals.filter(({ wallMs }) => wallMs === NOW);
    const begins = timeline.startAtMs + timeline.shiftMs;
    const times = backlog.map(({ ts }) => ts).filter((ts) => ts < begins);
    expect(Math.min(...times)).toBeLessThan(begins - 6 * HOUR_MS + 10 * MINUTE_MS);
    expect(backlog.filter(({ inArray }) => inArray).length).toBeGreaterThan(2_500);
    expect(arrivals.filter(({ inArray, ts }) => inArray && ts >= begins)).toEqual([]);
  });

  it('has caught up after lag/(speed-1), and then keeps pace with the clock', async () => {
    const { arrivals, timeline } = await told(jam, { speed: 10, lagMs: 10 * MINUTE_MS });
    expect(timeline.caughtUpAfterMs).toBeCloseTo((10 * MINUTE_MS) / 9, 6);
    const after = arrivals.filter(({ wallMs }) => wallMs > NOW + timeline.caughtUpAfterMs + 10 * SECOND_MS);
    expect(after.length).toBeGreaterThan(100);
    // The last of it: behind by nothing, since the clock of this test waits for nobody.
    for (const { ts, wallMs } of after) expect(wallMs - ts).toBe(0);
    const before = arrivals.filter(
      ({ inArray, wallMs }) => !inArray && wallMs < NOW + timeline.caughtUpAfterMs - 5 * SECOND_MS,
    );
    for (const { ts, wallMs } of before) expect(wallMs - ts).toBeGreaterThan(30 * SECOND_MS);
  });

  it('ends with the story', async () => {
    const short: Story = {
      ...jam,
      durationMs: jam.criticalAtMs + 20 * MINUTE_MS,
      readings: (seed, from, to) => jam.readings(seed, from, Math.min(to, jam.criticalAtMs + 20 * MINUTE_MS)),
    };
    const { report, arrivals } = await told(short, { forMs: HOUR_MS * 24 });
    expect(report).toEqual({ acknowledged: arrivals.length, failed: 0, ended: true });
  });

  it('goes on for the others when one device is refused, and ends when the fleet was stopped', async () => {
    const clock = new JumpingClock(NOW);
    const reached = server(clock);
    let code = 'DEVICE_REFUSED';
    let refusedOnly = true;
    const fleet: Publisher = {
      publish: (deviceId, payload) => {
        if (clock.now() > NOW + HOUR_MS) [code, refusedOnly] = ['FLEET_STOPPED', false];
        return deviceId === 'thach-han' || !refusedOnly
          ? Promise.reject(new CanhError(code, 'no'))
          : reached.publish(deviceId, payload);
      },
    };
    const report = await play({ story: floodNight, seed: 1, fleet, devices, clock });
    expect(report.ended).toBe(false);
    expect(report.failed).toBeGreaterThan(30);
    expect(report.acknowledged).toBe(reached.arrivals.length);
    expect(clock.now()).toBeLessThan(NOW + HOUR_MS + 2 * MINUTE_MS);
  });

  it('waits for the server: without acknowledgements it is held up, and an interruption still ends it', async () => {
    const clock = new JumpingClock(NOW);
    const stop = new AbortController();
    let published = 0;
    const fleet: Publisher = {
      publish: () => {
        published += 1;
        if (published === 500) setImmediate(() => stop.abort());
        return new Promise(() => {});
      },
    };
    const report = await play({
      story: jam,
      seed: 1,
      fleet,
      devices,
      clock,
      speed: 60,
      lagMs: HOUR_MS,
      historyMs: 0,
      signal: stop.signal,
    });
    expect(published).toBe(500);
    expect(report).toEqual({ acknowledged: 0, failed: 500, ended: false });
  });

  it('refuses a speed or a lag that cannot be', () => {
    expect(() => timelineOf(jam, { speed: 0, lagMs: 1 }, 1, NOW)).toThrow(/speed of 0/);
    expect(() => timelineOf(jam, { speed: 10, lagMs: -1 }, 1, NOW)).toThrow(/negative/);
  });
});
