import type { Operators } from '@canh/core/alerts/operators';
import type { Catalogue } from '@canh/core/rules/catalogue';
import type { Rule } from '@canh/core/rules/rule';
import { areaNames } from '@canh/core/stations/area-names';
import type { LocalText } from '@canh/core/stations/local-text';
import type { Metric, Profile } from '@canh/core/stations/profile';
import type { Inventory, Registry } from '@canh/core/stations/registry';
import type { Device, Station } from '@canh/core/stations/station';

/** A station with everything that is said of it. */
export interface KnownStation {
  readonly station: Station;
  readonly profile: Profile;
  readonly areaNames: LocalText;
  /** Of its own profile and of its devices', each once. */
  readonly metrics: readonly Metric[];
}

/** A device with what it measures; no metrics where no folder describes its model. */
export interface ListedDevice {
  readonly device: Device;
  readonly metrics: readonly Metric[];
}

/** What the ids in alerts and readings stand for. */
export interface Directory {
  readonly stations: ReadonlyMap<string, KnownStation>;
  readonly devices: ReadonlyMap<string, ListedDevice>;
  /** Also of stations that cannot be shown. */
  readonly stationNames: ReadonlyMap<string, LocalText>;
  /** Stations that cannot be shown, since no folder of devices describes their model. */
  readonly withoutProfile: readonly Station[];
  readonly rules: ReadonlyMap<string, Rule>;
  /** Names of people by their id. */
  readonly people: ReadonlyMap<string, string>;
}

/** Keeps the inventory of stations at hand and reads it again when it has changed. */
export class Directories {
  private known: { version: number; inventory: KnownInventory } | null = null;
  private readonly rules: ReadonlyMap<string, Rule>;

  constructor(
    private readonly registry: Registry,
    private readonly operators: Operators,
    private readonly catalogue: Catalogue,
  ) {
    this.rules = new Map(catalogue.rules.map((rule) => [rule.id, rule]));
  }

  async now(): Promise<Directory> {
    const version = await this.registry.version();
    if (this.known?.version !== version)
      this.known = { version, inventory: knownInventory(await this.registry.inventory(), this.catalogue) };
    return { ...this.known.inventory, rules: this.rules, people: await this.operators.names() };
  }
}

type KnownInventory = Omit<Directory, 'rules' | 'people'>;

function knownInventory({ areas, stations, devices }: Inventory, { profiles }: Catalogue): KnownInventory {
  const areaById = new Map(areas.map((area) => [area.id, area]));
  const models = new Map<string, Set<string>>();
  for (const { stationId, profileId } of devices)
    models.set(stationId, (models.get(stationId) ?? new Set()).add(profileId));
  const known = new Map<string, KnownStation>();
  const withoutProfile: Station[] = [];
  for (const station of stations) {
    const profile = profiles.get(station.profileId);
    if (profile === undefined) {
      withoutProfile.push(station);
      continue;
    }
    const all = [profile, ...[...(models.get(station.id) ?? [])].flatMap((id) => profiles.get(id) ?? [])];
    const metrics = new Map(all.toReversed().flatMap(({ metrics: its }) => its.map((metric) => [metric.name, metric])));
    const order = [...new Set(all.flatMap(({ metrics: its }) => its.map(({ name }) => name)))];
    known.set(station.id, {
      station,
      profile,
      areaNames: areaNames(station.areaId, areaById),
      metrics: order.flatMap((name) => metrics.get(name) ?? []),
    });
  }
  return {
    stations: known,
    withoutProfile,
    devices: new Map(
      devices.map((device) => [device.id, { device, metrics: profiles.get(device.profileId)?.metrics ?? [] }]),
    ),
    stationNames: new Map(stations.map(({ id, names }) => [id, names])),
  };
}
