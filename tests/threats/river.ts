import { readMessage, ReadMessages, type MessageContent } from '@canh/core/quality/read-message';
import { DEFAULT_TIME_WINDOW } from '@canh/core/readings/accept-time';
import type { FlaggedReading } from '@canh/core/quality/flagged-reading';
import type { Message } from '@canh/core/readings/message';
import { KnownDevices } from '@canh/core/stations/known-devices';
import type { Profile } from '@canh/core/stations/profile';
import type { Inventory } from '@canh/core/stations/registry';
import type { Instant } from '@canh/core/time/instant';
import { textOf } from '../../apps/processor/src/read-batch.js';

const text = { vi: 'x', en: 'x' };

export const NOW: Instant = Date.UTC(2026, 10, 1);

export const PROFILE: Profile = {
  id: 'river-gauge',
  kind: 'water',
  names: text,
  intervalMs: 600_000,
  metrics: [
    { name: 'level_m', names: text, unit: 'm', plausible: { min: -5, max: 60 }, decimals: 2 },
    { name: 'battery_v', names: text, unit: 'V', plausible: { min: 0, max: 32 }, decimals: 1 },
  ],
};

export const STATIONS = ['a', 'b', 'c'] as const;

/** Three stations, each with a gauge of the same id; `d` is behind gauge `a`, at its station. */
export const INVENTORY: Inventory = {
  areas: [],
  stations: STATIONS.map((id) => ({
    id,
    names: text,
    areaId: 'x',
    ownerUnit: 'x',
    position: { latitude: 16.8, longitude: 107.1 },
    profileId: PROFILE.id,
    limits: [],
  })),
  devices: [...STATIONS, 'd'].map((id) => ({
    id,
    name: id,
    stationId: id === 'd' ? 'a' : id,
    profileId: PROFILE.id,
    gatewayId: id === 'd' ? 'a' : null,
  })),
};

export const DEVICES = new KnownDevices(INVENTORY, new Map([[PROFILE.id, PROFILE]]));

export interface Content extends MessageContent {
  readonly readings: readonly FlaggedReading[];
}

/** What becomes of a payload that gauge `a` sent, or a device among others. */
export function read(
  payload: string | Uint8Array,
  kind: Message['kind'] = 'telemetry',
  devices: KnownDevices = DEVICES,
): Content {
  const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload;
  const into = new ReadMessages();
  const message: Message = { kind, deviceId: 'a', receivedAt: NOW, payload: bytes };
  const content = readMessage(message, textOf, devices, DEFAULT_TIME_WINDOW, into);
  return { ...content, readings: [...into.readings] };
}

export const reasonsOf = ({ faults }: MessageContent): string[] => faults.map(({ fault }) => fault.reason);
