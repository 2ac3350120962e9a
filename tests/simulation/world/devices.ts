import type { Chance } from './chance.js';
import { DEVICES, GATEWAY, MOST_DEVICES } from './province.js';
import { behindGateway, faulty, telemetry, type Sent, type SentPoint } from './sent.js';

/** A store refuses this value for good. */
export const REFUSED_VALUE = 13.13;

/** Something to be sent at a time, ms from the beginning of the run. */
export interface Due {
  readonly at: number;
  readonly sent: Sent;
}

const AGO = [20 * 60_000, 2 * 3_600_000, 30 * 3_600_000] as const;
const TOO_LONG_AGO_MS = 9 * 24 * 3_600_000;

/** What a province full of devices sends in the course of a run, as one chance has it. */
export function plannedMessages(
  chance: Chance,
  plan: { readonly devices: number; readonly messages: number; readonly spanMs: number; readonly wallClock: number },
): Due[] {
  const due: Due[] = [];
  let number = 0;
  // The last two are behind the gateway, and say nothing by themselves.
  const chosen = Array.from({ length: Math.min(plan.devices, MOST_DEVICES - 2) }, (_, at) => `device-${at}`);
  const each = Math.max(2, Math.round(plan.messages / (chosen.length + 1)));

  for (const deviceId of chosen) {
    const intervalMs = plan.spanMs / each;
    let seq = chance.is(0.5) ? chance.whole(0, 5) : null;
    let level = 3 + chance.upTo(5);
    let at = chance.upTo(intervalMs);
    const earlier: SentPoint[] = [];
    const point = (time: number): SentPoint => {
      level = Math.max(0, Math.min(13, level + (chance.upTo(1) - 0.5) * 5));
      const values: Record<string, unknown> = { level_m: rounded(level) };
      if (chance.is(0.3)) values['rain_mm'] = rounded(chance.upTo(70));
      if (chance.is(0.04)) values['level_m'] = chance.one(['high', null, true]);
      if (chance.is(0.04)) values['wind_ms'] = 3;
      if (chance.is(0.03)) values['rain_mm'] = REFUSED_VALUE;
      const made = { ts: Math.floor(plan.wallClock + time), seq, values };
      if (seq !== null) {
        seq += 1;
        // Lost before it was ever sent.
        if (chance.is(0.05)) seq += chance.whole(1, 3);
      }
      return made;
    };
    for (let nth = 0; nth < each; nth += 1) {
      at += intervalMs * (0.5 + chance.upTo(1));
      number += 1;
      const made = plannedOne();
      due.push({ at, sent: made });
      // A copy of what was acknowledged long ago.
      if (chance.is(0.06)) due.push({ at: at + chance.upTo(plan.spanMs / 2), sent: made });
    }

    function plannedOne(): Sent {
      if (chance.is(0.05)) return garbage(number, deviceId, chance);
      if (chance.is(0.03))
        return telemetry(number, deviceId, [{ ts: null, seq: null, values: { level_m: rounded(level) } }]);
      if (chance.is(0.05)) {
        // A logger that was cut off hands in what it has kept.
        const ago = chance.is(0.15) ? TOO_LONG_AGO_MS : chance.one(AGO);
        const kept = Array.from({ length: chance.whole(2, 5) }, (_, nth) => ({ ...point(at - ago + nth * 500) }));
        earlier.push(...kept);
        return telemetry(number, deviceId, kept);
      }
      const before = earlier.length > 0 && chance.is(0.06) ? chance.one(earlier) : null;
      if (before !== null && typeof before.values['level_m'] === 'number')
        // The same moment once more, with another value or with the same.
        return telemetry(number, deviceId, [
          {
            ...before,
            values: { level_m: chance.is(0.6) ? rounded(before.values['level_m'] + 0.5) : before.values['level_m'] },
          },
        ]);
      const points = Array.from({ length: chance.is(0.1) ? 2 : 1 }, (_, nth) => point(at + nth));
      earlier.push(...points);
      return telemetry(number, deviceId, points);
    }
  }

  if (chance.is(0.5)) {
    const behind = DEVICES.filter(({ gatewayId }) => gatewayId === GATEWAY);
    let at = 0;
    for (let nth = 0; nth < each; nth += 1) {
      at += (plan.spanMs / each) * (0.5 + chance.upTo(1));
      number += 1;
      const sent = behindGateway(
        number,
        GATEWAY,
        behind
          .filter(() => chance.is(0.7))
          .map(({ id, name }) => ({
            deviceId: id,
            name,
            points: [{ ts: Math.floor(plan.wallClock + at), seq: null, values: { level_m: rounded(chance.upTo(10)) } }],
          })),
      );
      if (sent.parts.length > 0) due.push({ at, sent });
    }
  }

  // Neighbours in time now and then change places.
  due.sort((a, b) => a.at - b.at);
  return due;
}

/** A device nobody has ever heard of, and bytes that are no telemetry. */
function garbage(number: number, deviceId: string, chance: Chance): Sent {
  switch (chance.whole(0, 4)) {
    case 0:
      return faulty(number, deviceId, '{"level_m":', 'not-json');
    case 1:
      return faulty(number, deviceId, Buffer.from([0xff, 0xfe, 0x00, 0x01]), 'not-utf8');
    case 2:
      return faulty(number, deviceId, '[[[[[[[[[[1]]]]]]]]]]', 'too-deep');
    case 3:
      return faulty(number, 'nobody', '{"level_m":1}', 'unknown-device');
    default:
      return faulty(number, deviceId, '{"ts":"yesterday","values":{"level_m":1}}', 'bad-time');
  }
}

const rounded = (value: number): number => Math.round(value * 100) / 100;
