import { expect, it } from 'vitest';
import { KnownDevices } from '@canh/core/stations/known-devices';
import { replayedHead } from '@canh/core/readings/replayed';
import type { Message } from '@canh/core/readings/message';
import { readBatch } from './read-batch.js';
import { StoredStretch } from './stored-stretch.js';

const text = { vi: 'x', en: 'x' };
const AT = 490_000 * 3_600_000;
const WINDOW = { pastMs: 3_600_000, futureMs: 3_600_000, lateMs: 60_000 };
const station = {
  id: 's',
  names: text,
  areaId: 'x',
  ownerUnit: 'x',
  position: { latitude: 0, longitude: 0 },
  profileId: 'p',
  limits: [],
};
// As `sentIn: '[degF]'` beside `unit: Cel` gives.
const temp = {
  name: 'air_c',
  names: text,
  unit: 'Cel',
  fromSent: { add: -32, times: 5 / 9, less: 0 },
  plausible: { min: -40, max: 60 },
  decimals: 1,
};
const DEVICES = new KnownDevices(
  {
    areas: [],
    stations: [station],
    devices: [{ id: 'd', name: 'd', stationId: 's', profileId: 'p', gatewayId: null }],
  },
  new Map([['p', { id: 'p', kind: 'environmental' as const, names: text, intervalMs: 60_000, metrics: [temp] }]]),
);
const read = (message: Message) =>
  readBatch(0, { entries: [{ offset: 0, message }], next: 1, behindBytes: 0, damaged: [] }, DEVICES, WINDOW);

it('a reading that the store refused is the same reading when it is replayed', () => {
  const first = read({ kind: 'telemetry', deviceId: 'd', receivedAt: AT, payload: Buffer.from('{"air_c":86}') });
  expect(first.readings.at(0).value).toBeCloseTo(30, 9);
  const kept = new StoredStretch([first], WINDOW).quarantined(0, 'store-refused', 'points beyond retention policy');
  const again = read({
    kind: 'replayed',
    deviceId: 'd',
    receivedAt: AT,
    payload: Buffer.concat([Buffer.from(replayedHead({ kind: 'telemetry', receivedAt: AT })), kept.payload]),
  });
  expect(again.readings.at(0).value).toBeCloseTo(30, 9);
});
