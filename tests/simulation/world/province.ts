import type { Catalogue } from '@canh/core/rules/catalogue';
import type { Rule } from '@canh/core/rules/rule';
import type { Area, Device, Station } from '@canh/core/stations/station';
import type { Profile } from '@canh/core/stations/profile';

const both = (text: string): { vi: string; en: string } => ({ vi: text, en: text });

const GAUGE: Profile = {
  id: 'gauge',
  kind: 'water',
  names: both('gauge'),
  intervalMs: 1_000,
  metrics: [
    {
      name: 'level_m',
      names: both('level'),
      unit: 'm',
      plausible: { min: 0, max: 20 },
      expected: { min: 0, max: 12 },
      decimals: 2,
    },
    { name: 'rain_mm', names: both('rain'), unit: 'mm', plausible: { min: 0, max: 500 }, decimals: 1 },
  ],
};

export const METRICS: ReadonlySet<string> = new Set(GAUGE.metrics.map(({ name }) => name));

const guidance = { cause: both('-'), consequence: both('-'), response: both('-') };
const RULES: readonly Rule[] = [
  {
    kind: 'threshold',
    id: 'high-water',
    version: 1,
    names: both('high water'),
    profileIds: ['gauge'],
    metric: 'level_m',
    direction: 'above',
    levels: [
      { severity: 'warning', limit: { kind: 'fixed', value: 6 }, deadBand: 0.5, holdMs: 3_000 },
      { severity: 'critical', limit: { kind: 'station', name: 'alarm_3', otherwise: null }, deadBand: 0.5, holdMs: 0 },
    ],
    guidance,
  },
  {
    kind: 'threshold',
    id: 'heavy-rain',
    version: 1,
    names: both('heavy rain'),
    profileIds: ['gauge'],
    metric: 'rain_mm',
    direction: 'above',
    levels: [{ severity: 'major', limit: { kind: 'fixed', value: 50 }, deadBand: 0, holdMs: 0 }],
    guidance,
  },
];

export const CATALOGUE: Catalogue = { profiles: new Map([[GAUGE.id, GAUGE]]), rules: RULES };

export const MOST_DEVICES = 12;
/** Behind it are the last two devices. */
export const GATEWAY = 'gateway';

export const AREA: Area = { id: 'quang-tri', names: both('Quang Tri'), parentId: null, validFrom: null, validTo: null };

/** Two devices stand at each station, and one behind the other. */
export const STATIONS: readonly Station[] = Array.from({ length: MOST_DEVICES / 2 }, (_, at) => ({
  id: `station-${at}`,
  names: both(`station ${at}`),
  areaId: AREA.id,
  ownerUnit: 'unit',
  position: { latitude: 16.7, longitude: 107.2 },
  profileId: GAUGE.id,
  limits: [{ name: 'alarm_3', metric: 'level_m', value: 8, validFrom: null, validTo: null, document: 'decision' }],
}));

export const DEVICES: readonly Device[] = [
  { id: GATEWAY, name: GATEWAY, stationId: 'station-0', profileId: GAUGE.id, gatewayId: null },
  ...Array.from({ length: MOST_DEVICES }, (_, at) => ({
    id: `device-${at}`,
    name: `name-${at}`,
    stationId: `station-${Math.floor(at / 2)}`,
    profileId: GAUGE.id,
    gatewayId: at >= MOST_DEVICES - 2 ? GATEWAY : null,
  })),
];
