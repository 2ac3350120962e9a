import type { Series } from '../stations/series.js';
import type { KnownDevices } from '../stations/known-devices.js';
import type { Inventory } from '../stations/registry.js';
import type { Station } from '../stations/station.js';
import type { Catalogue } from './catalogue.js';
import type { Rule } from './rule.js';

const NONE: readonly Rule[] = [];

/** Which rules judge which readings, and with whose limits. */
export class Rulebook {
  private readonly byProfile = new Map<string, Map<string, Rule[]>>();
  private readonly byDevice = new Map<string, ReadonlyMap<string, readonly Rule[]>>();
  /** What every reading asks for. */
  private readonly bySeries = new WeakMap<Series, readonly Rule[]>();
  private readonly stations: ReadonlyMap<string, Station>;

  constructor(catalogue: Catalogue, inventory: Inventory, devices: KnownDevices) {
    this.stations = new Map(inventory.stations.map((station) => [station.id, station]));
    for (const rule of catalogue.rules)
      for (const profileId of rule.profileIds) {
        const ofProfile = this.byProfile.get(profileId) ?? new Map<string, Rule[]>();
        this.byProfile.set(profileId, ofProfile.set(rule.metric, [...(ofProfile.get(rule.metric) ?? []), rule]));
      }
    for (const { id, profileId } of inventory.devices) {
      const rules = this.byProfile.get(profileId);
      if (rules !== undefined && devices.get(id) !== undefined) this.byDevice.set(id, rules);
    }
  }

  /** The rules for a metric of a device, in the catalogue's order. */
  rulesFor(series: Series): readonly Rule[] {
    let rules = this.bySeries.get(series);
    if (rules === undefined) {
      rules = this.byDevice.get(series.deviceId)?.get(series.metric) ?? NONE;
      this.bySeries.set(series, rules);
    }
    return rules;
  }

  station(stationId: string): Station | undefined {
    return this.stations.get(stationId);
  }

  /** Levels that cannot begin since their station has no such limit and the rule no default: shown, never silent. */
  missingLimits(): string[] {
    const missing: string[] = [];
    for (const station of this.stations.values())
      for (const rules of this.byProfile.get(station.profileId)?.values() ?? [])
        for (const rule of rules)
          for (const { limit, severity } of rule.levels)
            if (
              limit.kind === 'station' &&
              limit.otherwise === null &&
              !station.limits.some(({ name, metric }) => name === limit.name && metric === rule.metric)
            )
              missing.push(
                `station ${station.id} has no limit ${limit.name} for ${rule.metric}: rule ${rule.id} has no level ${severity} there`,
              );
    return missing;
  }
}
