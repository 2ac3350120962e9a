import { expect, it } from 'vitest';
import { DEFAULT_TIME_WINDOW } from '@canh/core/readings/accept-time';
import type { MessageKind } from '@canh/core/readings/message';
import { replayedHead, type ReplayableKind } from '@canh/core/readings/replayed';
import { KnownDevices } from '@canh/core/stations/known-devices';
import type { Metric, Profile } from '@canh/core/stations/profile';
import { readBatch, type ReadBatch } from '../../../apps/processor/src/read-batch.js';
import { faultSeed, seededRandom } from '../../support/seeded.js';
import { times } from '../process/length.js';
import { type Chance, mutated, oneOf, upTo } from './packets.js';

const PAYLOADS = times(200_000, 1_000_000);
const NOW = 1_790_000_000_000;
const MOST_MISTAKES = 3;

const text = { vi: 'x', en: 'x' };
const metric = (name: string): Metric => ({
  name,
  names: text,
  unit: 'm',
  plausible: { min: -5, max: 60 },
  decimals: 2,
});
const PROFILE: Profile = {
  id: 'gauge',
  kind: 'water',
  names: text,
  intervalMs: 600_000,
  metrics: ['level_m', 'rain_mm', 'battery_v'].map(metric),
};
const device = (id: string, name: string, gatewayId: string | null) => ({
  id,
  name,
  stationId: 's',
  profileId: 'gauge',
  gatewayId,
});
const DEVICES = new KnownDevices(
  {
    areas: [],
    stations: [
      {
        id: 's',
        names: text,
        areaId: 'x',
        ownerUnit: 'x',
        position: { latitude: 16, longitude: 107 },
        profileId: 'gauge',
        limits: [],
      },
    ],
    devices: [device('d', 'd', null), device('g', 'Cầu Đông Hà', 'd'), device('h', 'h', 'd')],
  },
  new Map([['gauge', PROFILE]]),
);

const value = (chance: Chance): number => Math.round((chance() * 80 - 10) * 100) / 100;
const named = (chance: Chance): Record<string, number> =>
  Object.fromEntries(
    PROFILE.metrics.filter(() => chance() < 0.6).map(({ name }): [string, number] => [name, value(chance)]),
  );
const timed = (chance: Chance): object => ({
  ts: NOW - upTo(chance, 100_000_000),
  values: named(chance),
  ...(chance() < 0.3 ? { seq: upTo(chance, 10_000) } : {}),
});
const either = (chance: Chance): object => (chance() < 0.5 ? named(chance) : timed(chance));
const several = (chance: Chance): object[] => Array.from({ length: upTo(chance, 6) }, () => either(chance));

/** Every form in which devices write. */
const FORMS: readonly (readonly [MessageKind, (chance: Chance) => unknown])[] = [
  ['telemetry', named],
  ['telemetry', timed],
  ['telemetry', several],
  ['gateway-telemetry', (chance) => ({ 'Cầu Đông Hà': several(chance), h: [timed(chance)], nobody: several(chance) })],
  ['gateway-connect', (chance) => ({ device: oneOf(chance, ['h', 'Cầu Đông Hà', 'nobody']) })],
  ['gateway-disconnect', () => ({ device: 'h' })],
  [
    'attributes',
    (chance) => ({ firmware: '1.2', 'tên trạm': 'Đông Hà', rssi: value(chance), nested: { a: [1, null] } }),
  ],
];

it(
  `makes readings, attributes or a line in quarantine of ${PAYLOADS} payloads with mistakes in them, and throws at none`,
  () => {
    const chance = seededRandom(faultSeed('payloads'));
    const became = { readings: 0, quarantined: 0, attributes: 0 };
    for (let n = 0; n < PAYLOADS; n += 1) {
      const [kind, form] = oneOf(chance, FORMS);
      let payload: Buffer = Buffer.from(JSON.stringify(form(chance), null, oneOf(chance, [0, 0, 0, 1])));
      for (let left = upTo(chance, MOST_MISTAKES + 1); left > 0 && payload.length > 0; left -= 1)
        payload = mutated(payload, chance);
      const batch = read(kind, payload);
      const said = `${kind} ${payload.toString('latin1')}`;
      for (const { value: read, measuredAt, metric: name, deviceId } of batch.readings) {
        if (!Number.isFinite(read) || !Number.isSafeInteger(measuredAt)) throw new Error(`no reading in ${said}`);
        if (!PROFILE.metrics.some((known) => known.name === name)) throw new Error(`an unknown metric from ${said}`);
        if (!['d', 'g', 'h'].includes(deviceId)) throw new Error(`an unknown device from ${said}`);
      }
      became.readings += batch.readings.length;
      became.quarantined += batch.quarantined.length;
      became.attributes += batch.attributes.length;
      if (batch.readings.length + batch.quarantined.length + batch.attributes.length === 0 && !isEmpty(payload))
        throw new Error(`nothing came of ${said}`);
      expectBooked(batch, said);
      // What was read straight from the bytes is what is read from their text.
      if (kind === 'telemetry' || kind === 'gateway-telemetry' || kind === 'attributes') {
        const again = read('replayed', Buffer.concat([Buffer.from(replayedHead(headOf(kind))), payload]));
        if (essenceOf(again) !== essenceOf(batch))
          expect(essenceOf(again), `read again, other than ${said}`).toBe(essenceOf(batch));
      }
    }
    console.info(`payloads: ${PAYLOADS} became ${JSON.stringify(became)}`);
  },
  times(120_000, 900_000),
);

const headOf = (kind: ReplayableKind) => ({ kind, receivedAt: NOW });

function read(kind: MessageKind, payload: Buffer): ReadBatch {
  const entries = [{ offset: 1, message: { kind, deviceId: 'd', receivedAt: NOW, payload } }];
  return readBatch(1, { entries, next: 2, behindBytes: 0, damaged: [] }, DEVICES, DEFAULT_TIME_WINDOW);
}

/** Received = stored + quarantined, as many of each as there are. */
function expectBooked({ tally, readings, quarantined }: ReadBatch, said: string): void {
  const lines = [...tally.lines()];
  const sum = (of: (line: (typeof lines)[number]) => number): number => lines.reduce((all, line) => all + of(line), 0);
  const faults = sum((line) => Object.values(line.quarantined).reduce((all: number, count) => all + count, 0));
  if (sum(({ stored }) => stored) !== readings.length || sum(({ received }) => received) !== readings.length + faults)
    throw new Error(`the books do not agree about ${said}`);
  if (faults > 0 !== quarantined.length > 0) throw new Error(`counted, and not in quarantine: ${said}`);
}

function essenceOf({ readings, quarantined, attributes }: ReadBatch): string {
  return JSON.stringify([
    readings,
    quarantined.map(({ deviceId, reason, detail }) => [deviceId, reason, detail]),
    attributes,
  ]);
}

/** A gateway with nothing to say of nobody. */
function isEmpty(payload: Buffer): boolean {
  try {
    const said = JSON.parse(payload.toString()) as unknown;
    return typeof said === 'object' && said !== null && Object.keys(said).length === 0;
  } catch {
    return false;
  }
}
