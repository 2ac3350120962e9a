import type { Catalogue } from '@canh/core/rules/catalogue';
import { Rulebook } from '@canh/core/rules/rulebook';
import { KnownDevices } from '@canh/core/stations/known-devices';
import type { Registry } from '@canh/core/stations/registry';
import type { Clock } from '@canh/core/time/instant';

/** Devices, stations and rules as they are now: looked at again when somebody has changed the registry. */
export class InventoryWatch {
  devices!: KnownDevices;
  rulebook!: Rulebook;
  /** What a person should put right in stations and devices. */
  warnings: readonly string[] = [];
  private version = -1;

  private constructor(
    private readonly registry: Registry,
    private readonly catalogue: Catalogue,
    private readonly clock: Clock,
  ) {}

  static async open(registry: Registry, catalogue: Catalogue, clock: Clock): Promise<InventoryWatch> {
    const watch = new InventoryWatch(registry, catalogue, clock);
    await watch.refresh();
    return watch;
  }

  async refresh(): Promise<void> {
    const version = await this.registry.version();
    if (version === this.version) return;
    const inventory = await this.registry.inventory();
    this.devices = new KnownDevices(inventory, this.catalogue.profiles, this.clock.now());
    this.rulebook = new Rulebook(this.catalogue, inventory, this.devices);
    this.warnings = [...this.devices.incomplete, ...this.rulebook.missingLimits()];
    this.version = version;
  }
}
