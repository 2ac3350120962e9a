import { describe, expect, it } from 'vitest';
import { DEFAULT_TIME_WINDOW } from '../readings/accept-time.js';
import type { Message } from '../readings/message.js';
import { replayedHead } from '../readings/replayed.js';
import { KnownDevices } from '../stations/known-devices.js';
import type { Profile } from '../stations/profile.js';
import { DAY_MS, HOUR_MS, MINUTE_MS, type Instant } from '../time/instant.js';
import { Flag } from './flag.js';
import type { TimeWindow } from '../readings/accept-time.js';
import { readMessage, ReadMessages } from './read-message.js';

const text = { vi: 'x', en: 'x' };
const NOW = 1_790_000_000_000;
const GAUGE: Profile = {
  id: 'river-gauge',
  kind: 'water',
  names: text,
  intervalMs: 600_000,
  metrics: [
    {
      name: 'level_m',
      names: text,
      unit: 'm',
      plausible: { min: -5, max: 60 },
      expected: { min: 0, max: 20 },
      decimals: 2,
    },
  ],
};
const device = (id: string, name: string, gatewayId: string | null) => ({
  id,
  name,
  stationId: 'bridge',
  profileId: 'river-gauge',
  gatewayId,
});
const DEVICES = new KnownDevices(
  {
    areas: [],
    stations: [
      {
        id: 'bridge',
        names: text,
        areaId: 'x',
        ownerUnit: 'x',
        position: { latitude: 16, longitude: 107 },
        profileId: 'river-gauge',
        limits: [],
      },
    ],
    devices: [
      device('gauge-1', 'gauge-1', null),
      device('gauge-2', 'Cầu Đông Hà', 'gateway-1'),
      device('gateway-1', 'gateway-1', null),
    ],
  },
  new Map([['river-gauge', GAUGE]]),
);

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (payload: Uint8Array): string => new TextDecoder().decode(payload);

function readOne(message: Message, text: typeof textOf | (() => null), devices: KnownDevices, window: TimeWindow) {
  const read = new ReadMessages();
  const content = readMessage(message, text, devices, window, read);
  return { ...content, readings: [...read.readings], counts: read.counts };
}

function read(kind: Message['kind'], payload: string | null, deviceId = 'gauge-1') {
  const message: Message = { kind, deviceId, receivedAt: NOW, payload: bytesOf(payload ?? '') };
  return readOne(message, payload === null ? () => null : textOf, DEVICES, DEFAULT_TIME_WINDOW);
}
const reasons = (...asked: Parameters<typeof read>): string[] =>
  read(...asked).faults.map(({ deviceId, fault }) => `${deviceId} ${fault.reason}`);

describe('reading a message', () => {
  it('makes a flagged reading of each value', () => {
    const { readings, faults } = read('telemetry', '[{"level_m":3},{"level_m":25},{"level_m":99}]');
    expect(faults).toEqual([]);
    expect(readings.map(({ value, flag }) => [value, flag])).toEqual([
      [3, Flag.good],
      [25, Flag.suspect],
      [99, Flag.failed],
    ]);
    expect(readings[0]).toEqual({
      deviceId: 'gauge-1',
      stationId: 'bridge',
      metric: 'level_m',
      value: 3,
      measuredAt: NOW,
      sequence: 0,
      receivedAt: NOW,
      flag: Flag.good,
    });
  });

  it('takes a time up to both ends of the window and none beyond', () => {
    const at = (ts: number): string => JSON.stringify({ ts, values: { level_m: 1 } });
    expect(reasons('telemetry', at(NOW - 7 * DAY_MS))).toEqual([]);
    expect(reasons('telemetry', at(NOW - 7 * DAY_MS - 1))).toEqual(['gauge-1 too-old']);
    expect(reasons('telemetry', at(NOW + 5 * MINUTE_MS))).toEqual([]);
    expect(reasons('telemetry', at(NOW + 5 * MINUTE_MS + 1))).toEqual(['gauge-1 in-the-future']);
  });

  describe('that is handed in once more', () => {
    const again = (receivedAt: Instant, handedInAt: Instant, payload: object) => {
      const text = replayedHead({ kind: 'telemetry', receivedAt }) + JSON.stringify(payload);
      const message: Message = {
        kind: 'replayed',
        deviceId: 'gauge-1',
        receivedAt: handedInAt,
        payload: bytesOf(text),
      };
      const { readings, faults } = readOne(message, textOf, DEVICES, DEFAULT_TIME_WINDOW);
      return {
        readings: readings.map((reading) => [reading.measuredAt, reading.receivedAt]),
        faults: faults.map(({ fault: { reason } }) => reason),
      };
    };
    const at = (ts: Instant) => ({ ts, values: { level_m: 1 } });

    it.each([
      ['slow', NOW - HOUR_MS],
      ['slow by years', 0],
      ['fast', NOW + 30 * DAY_MS],
    ])('takes the time of a device though the clock of the server was %s', (_, receivedAt) => {
      expect(again(receivedAt, NOW + 2 * HOUR_MS, at(NOW))).toEqual({ readings: [[NOW, receivedAt]], faults: [] });
    });

    it('takes a time that fitted when it came, however long ago', () => {
      expect(again(NOW, NOW + 90 * DAY_MS, at(NOW))).toEqual({ readings: [[NOW, NOW]], faults: [] });
    });

    it('takes no time that fits neither', () => {
      expect(again(NOW, NOW + HOUR_MS, at(NOW + DAY_MS))).toEqual({ readings: [], faults: ['in-the-future'] });
      expect(again(NOW, NOW + DAY_MS, at(NOW - 30 * DAY_MS))).toEqual({ readings: [], faults: ['too-old'] });
    });

    it('was measured when it came first, where it does not say when', () => {
      expect(again(NOW, NOW + 90 * DAY_MS, { level_m: 1 })).toEqual({ readings: [[NOW, NOW]], faults: [] });
    });
  });

  it('keeps what it knows beside a metric that nobody declared', () => {
    const { readings, faults } = read('telemetry', '{"level_m":1,"made_up":2}');
    expect(readings).toHaveLength(1);
    expect(faults).toMatchObject([{ fault: { reason: 'unknown-metric' } }]);
  });

  it('names a device that is not known, and bytes that are no text', () => {
    expect(reasons('telemetry', '{"level_m":1}', 'nobody')).toEqual(['nobody unknown-device']);
    expect(reasons('telemetry', null)).toEqual(['gauge-1 not-utf8']);
  });

  it('lets a gateway speak for its own devices only', () => {
    const { readings, faults } = read(
      'gateway-telemetry',
      '{"Cầu Đông Hà":{"level_m":2},"gauge-1":{"level_m":2}}',
      'gateway-1',
    );
    expect(readings.map(({ deviceId }) => deviceId)).toEqual(['gauge-2']);
    expect(faults).toMatchObject([{ deviceId: 'gateway-1', fault: { reason: 'unknown-device' } }]);
    expect(reasons('gateway-telemetry', '{"Cầu Đông Hà":{"level_m":"x"}}', 'gateway-1')).toEqual([
      'gauge-2 not-a-number',
    ]);
  });

  it('keeps what devices say of themselves', () => {
    expect(read('attributes', '{"firmware":"1.2"}').attributes).toEqual([
      { deviceId: 'gauge-1', values: { firmware: '1.2' }, at: NOW },
    ]);
    expect(read('gateway-connect', '{"device":"Cầu Đông Hà"}', 'gateway-1').attributes).toEqual([
      { deviceId: 'gauge-2', values: { connected: true }, at: NOW },
    ]);
    expect(read('gateway-disconnect', '{"device":"Cầu Đông Hà"}', 'gateway-1').attributes).toEqual([
      { deviceId: 'gauge-2', values: { connected: false }, at: NOW },
    ]);
    expect(reasons('attributes', '[1]')).toEqual(['gauge-1 wrong-shape']);
    expect(reasons('gateway-connect', '{"device":"gauge-1"}', 'gateway-1')).toEqual(['gateway-1 unknown-device']);
  });

  it('shows what a door refused', () => {
    const refusal = JSON.stringify({
      door: 'mqtt',
      reason: 'unknown-credential',
      detail: 'no token',
      address: '127.0.0.1',
    });
    expect(read('refused', refusal, '').faults).toEqual([
      { deviceId: '', fault: { reason: 'refused', detail: 'unknown-credential at mqtt from 127.0.0.1: no token' } },
    ]);
  });
});

describe('a device that was changed', () => {
  const STATIONS = ['bridge', 'harbour'].map((id) => ({
    id,
    names: text,
    areaId: 'x',
    ownerUnit: 'x',
    position: { latitude: 16, longitude: 107 },
    profileId: 'river-gauge',
    limits: [],
  }));
  const RAIN: Profile = {
    ...GAUGE,
    id: 'rain-gauge',
    metrics: [{ name: 'rain_mm', names: text, unit: 'mm', plausible: { min: 0, max: 500 }, decimals: 1 }],
  };
  const CHANGED_AT = NOW + HOUR_MS;
  const changed = new KnownDevices(
    {
      areas: [],
      stations: STATIONS,
      devices: [
        { ...device('gauge-1', 'gauge-1', null), stationId: 'harbour' },
        { ...device('gauge-2', 'left', 'gateway-1'), stationId: 'harbour' },
        device('gauge-3', 'right', 'gateway-1'),
        device('gateway-1', 'gateway-1', null),
      ],
      former: [
        { device: { ...device('gauge-1', 'gauge-1', null), profileId: 'rain-gauge' }, until: CHANGED_AT },
        { device: device('gauge-2', 'right', 'gateway-1'), until: CHANGED_AT },
        { device: device('gauge-3', 'gone', 'gateway-2'), until: CHANGED_AT },
      ],
    },
    new Map([
      ['river-gauge', GAUGE],
      ['rain-gauge', RAIN],
    ]),
  );
  const readAt = (receivedAt: Instant, kind: Message['kind'], payload: string, deviceId = 'gauge-1') => {
    const message: Message = { kind, deviceId, receivedAt, payload: bytesOf(payload) };
    const { readings, faults } = readOne(message, textOf, changed, DEFAULT_TIME_WINDOW);
    return [
      ...readings.map((reading) => `${reading.deviceId} ${reading.metric} at ${reading.stationId}`),
      ...faults.map(({ fault }) => fault.reason),
    ];
  };

  it('is read as what it was when its message was received', () => {
    const both = '{"rain_mm":3,"level_m":2}';
    expect(readAt(CHANGED_AT - 1, 'telemetry', both)).toEqual(['gauge-1 rain_mm at bridge', 'unknown-metric']);
    expect(readAt(CHANGED_AT, 'telemetry', both)).toEqual(['gauge-1 level_m at harbour', 'unknown-metric']);
  });

  it('is found behind its gateway by the name that it had then', () => {
    const named = '{"right":[{"values":{"level_m":1}}],"left":[{"values":{"level_m":2}}]}';
    expect(readAt(CHANGED_AT - 1, 'gateway-telemetry', named, 'gateway-1')).toEqual([
      'gauge-2 level_m at bridge',
      'unknown-device',
    ]);
    expect(readAt(CHANGED_AT, 'gateway-telemetry', named, 'gateway-1')).toEqual([
      'gauge-3 level_m at bridge',
      'gauge-2 level_m at harbour',
    ]);
  });

  it('is read as what it is now, where it stood then, when a message is handed in again since it was mended', () => {
    const again = `${replayedHead({ kind: 'telemetry', receivedAt: NOW })}{"level_m":2}`;
    expect(readAt(CHANGED_AT - 1, 'replayed', again)).toEqual(['unknown-metric']);
    expect(readAt(CHANGED_AT, 'replayed', again)).toEqual(['gauge-1 level_m at bridge']);
  });
});
