import { CANARY } from '@canh/core/rules/canary';
import type { PathStatus } from '@canh/core/series/live-series';
import type { InventoryDesk, Registry } from '@canh/core/stations/registry';
import { MINUTE_MS, SECOND_MS, type Clock } from '@canh/core/time/instant';
import type { Log } from '@canh/runtime/log';
import type { DiskRoom } from './disk-room.js';
import type { Intake } from './intake/intake.js';

/** The station, the device and the profile (`devices/system/canh`) that Canh is to itself. */
const SELF = CANARY.stationId;
const AREA = 'canh-system';
/** What stops somewhere is reported as soon as it is seen, and not with the next minute. */
const LOOK_EVERY_MS = 5 * SECOND_MS;

export interface SelfReportParts {
  readonly intake: Intake;
  readonly status: () => Promise<PathStatus>;
  readonly disk: DiskRoom;
  readonly everyMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** Makes the station under which Canh reports how it is, unless there is one: somebody may have given it limits of its own. */
export async function addSelf(registry: Registry, desk: InventoryDesk): Promise<void> {
  const { devices } = await registry.inventory();
  if (devices.some(({ id }) => id === SELF)) return;
  const names = { vi: 'Hệ thống Canh', en: 'The Canh system' };
  await desk.putArea({
    id: AREA,
    names: { vi: 'Trung tâm điều hành', en: 'Operations centre' },
    parentId: null,
    validFrom: null,
    validTo: null,
  });
  await desk.putStation({
    id: SELF,
    names,
    areaId: AREA,
    ownerUnit: names.vi,
    position: { latitude: 0, longitude: 0 },
    profileId: SELF,
    limits: [],
  });
  await desk.putDevice({ id: SELF, name: SELF, stationId: SELF, profileId: SELF, gatewayId: null });
}

/**
 * Canh as one of its own devices: it reports how it is by the way that every reading takes, so that rules watch it, alerts reach people,
 * and its past can be drawn. What stops that way itself, a journal that cannot be written, shows at /health/ready.
 */
export class SelfReport {
  private readonly timer: NodeJS.Timeout;
  private reportedAt = 0;
  private reported: string | null = null;

  constructor(private readonly parts: SelfReportParts) {
    this.timer = setInterval(() => void this.look(), Math.min(LOOK_EVERY_MS, parts.everyMs));
    this.timer.unref();
  }

  close(): void {
    clearInterval(this.timer);
  }

  private async look(): Promise<void> {
    const { intake, clock, everyMs, log } = this.parts;
    try {
      const now = clock.now();
      const status = await this.parts.status().catch(() => null);
      const troubles = status === null ? null : troublesOf(status);
      // However the clock was set meanwhile.
      if (Math.abs(now - this.reportedAt) < everyMs && (troubles === null || troubles === this.reported)) return;
      [this.reportedAt, this.reported] = [now, troubles];
      const values = {
        ...(status === null ? {} : valuesOf(status, now)),
        [CANARY.metric]: 0,
        disk_free_pct: await this.parts.disk.freePercent(),
      };
      await intake.accept('telemetry', SELF, Buffer.from(JSON.stringify({ ts: now, values })));
    } catch (error) {
      log.error({ event: 'self.not-reported', error: (error as Error).message }, (error as Error).message);
    }
  }
}

/** What makes a report due at once when it changes. */
const troublesOf = ({ storeWaiting, journalDamaged }: PathStatus): string =>
  JSON.stringify([storeWaiting?.refused ?? null, journalDamaged]);

function valuesOf(status: PathStatus, now: number): Record<string, number> {
  const { storeWaiting, storeBehindBytes, storedUpTo, judgeBehindMs, journalDamaged } = status;
  const waitingMin = storeWaiting === null ? 0 : Math.max(1, (now - storeWaiting.since) / MINUTE_MS);
  const slowMin = storeBehindBytes > 0 && storedUpTo !== null ? (now - storedUpTo) / MINUTE_MS : 0;
  return {
    store_behind_min: Math.round(Math.max(waitingMin, slowMin)),
    store_refused_min: storeWaiting?.refused === true ? Math.round(waitingMin) : 0,
    judge_behind_s: Math.round(judgeBehindMs / SECOND_MS),
    journal_damaged_count: journalDamaged,
  };
}
