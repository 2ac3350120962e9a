import type { Chance } from './chance.js';
import type { StoreKind } from './series-server.js';

export type FaultKind =
  | 'kill-broker'
  | 'kill-processor'
  | 'kill-both'
  | 'power-cut'
  | 'stop-processor'
  | 'disk-full'
  | 'sync-fails'
  | 'slow-disk'
  | 'store-down'
  | 'store-hangs'
  | 'store-locked'
  | 'store-slow'
  | 'answers-lost'
  | 'store-restart'
  | 'records-unwritable'
  | 'records-slow'
  | 'suspend'
  | 'clock-set';

/** Something that goes wrong once: at a time, or the nth time that the path comes by a point. */
export interface Fault {
  readonly kind: FaultKind;
  /** How long it lasts, or until a process is back; by how much a clock is set. */
  readonly ms: number;
  readonly when: { readonly at: number } | { readonly point: string; readonly from: number; nth: number };
}

const KILLS: readonly FaultKind[] = ['kill-broker', 'kill-processor', 'kill-processor', 'kill-both', 'power-cut'];
const TROUBLES: readonly FaultKind[] = [
  'stop-processor',
  'disk-full',
  'sync-fails',
  'slow-disk',
  'store-down',
  'store-hangs',
  'store-locked',
  'store-slow',
  'answers-lost',
  'store-restart',
  'records-unwritable',
  'records-slow',
  'suspend',
  'clock-set',
];

/** Where a crash hurts most: on either side of everything that lasts. */
const POINTS = [
  'before write',
  'after write',
  'before sync',
  'after sync',
  'after sync folder',
  'after create',
  'before ledger.begin',
  'after ledger.begin',
  'before ledger.settle',
  'after ledger.settle',
  'before store',
  'after store',
  'before checkpoints.keepJudge',
  'after checkpoints.keepJudge',
  'before alerts.apply',
  'after alerts.apply',
  'before quarantine.keep',
  'after quarantine.keep',
  'after checkpoints.rewindStore',
  'after remove',
] as const;

const MOST_FAULTS = 6;

export function drawFaults(chance: Chance, spanMs: number, kind: StoreKind): Fault[] {
  const faults: Fault[] = [];
  const count = chance.whole(0, MOST_FAULTS);
  for (let nth = 0; nth < count; nth += 1) {
    const kills = chance.is(0.55);
    // A store that forgets is there to be restarted.
    const drawn = kills
      ? chance.one(KILLS)
      : kind === 'forgetful' && chance.is(0.4)
        ? 'store-restart'
        : chance.one(TROUBLES);
    const fault = { kind: drawn, ms: lasting(drawn, chance), when: whenever(kills, spanMs, chance) };
    faults.push(fault);
    // Troubles do not come alone.
    if (!kills && 'at' in fault.when && chance.is(0.35))
      faults.push({
        kind: chance.one(KILLS),
        ms: chance.whole(20, 1_500),
        when: { at: fault.when.at + chance.upTo(fault.ms > 10_000 ? 1_000 : Math.max(0, fault.ms) + 1_500) },
      });
  }
  return faults;
}

function whenever(kills: boolean, spanMs: number, chance: Chance): Fault['when'] {
  if (!kills || chance.is(0.3)) return { at: chance.upTo(spanMs) };
  return { point: chance.one(POINTS), from: chance.upTo(spanMs), nth: chance.whole(1, 4) };
}

function lasting(kind: FaultKind, chance: Chance): number {
  switch (kind) {
    case 'suspend':
      return chance.one([2_000, 60_000, 25 * 60_000]);
    case 'clock-set':
      return chance.one([-3_600_000, -5_000, 5_000, 240_000]);
    case 'store-down':
    case 'store-hangs':
    case 'store-locked':
    case 'answers-lost':
      return chance.whole(200, 6_000);
    case 'kill-broker':
    case 'kill-processor':
    case 'kill-both':
    case 'power-cut':
    case 'stop-processor':
    case 'store-restart':
      return chance.whole(20, 1_500);
    default:
      return chance.whole(200, 3_000);
  }
}
