import { expect, it } from 'vitest';
import { KnownDevices } from './known-devices.js';

it('knows a device as what it is, where a clock that stood ahead says until when it was something else, and says so', () => {
  const now = Date.UTC(2026, 10, 22);
  const until = Date.UTC(2027, 10, 22);
  const device = { id: 'gauge', name: 'gauge', stationId: 'new', profileId: 'river-gauge', gatewayId: null };
  const names = { vi: 'x', en: 'x' };
  const position = { latitude: 16, longitude: 107 };
  const station = { names, areaId: 'x', ownerUnit: 'x', position, profileId: 'river-gauge', limits: [] };
  const inventory = {
    areas: [],
    stations: [
      { ...station, id: 'old' },
      { ...station, id: 'new' },
    ],
    devices: [device],
    former: [{ device: { ...device, stationId: 'old' }, until }],
  };
  const profiles = new Map([
    ['river-gauge', { id: 'river-gauge', names, intervalSeconds: 600, metrics: [], codec: 'native' } as never],
  ]);
  const known = new KnownDevices(inventory, profiles, now);
  expect(known.at('gauge', now + 1, now + 1)?.device.stationId).toBe('new');
  expect(known.incomplete).toEqual([
    'device gauge: changed by a clock that stood ahead of today. Save it once more, so that it is known until when it was what it was',
  ]);
  const later = new KnownDevices(inventory, profiles, until);
  expect(later.at('gauge', now, now)?.device.stationId).toBe('old');
  expect(later.incomplete).toEqual([]);
});
