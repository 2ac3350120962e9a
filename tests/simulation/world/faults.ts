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

/** Where records that cannot be written hurt most. */
const RECORD_POINTS = [
  'before checkpoints.keepJudge',
  'before ledger.begin',
  'before ledger.settle',
  'before quarantine.keep',
  'before alerts.apply',
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
    const fault = { kind: drawn, ms: lasting(drawn, chance), when: whenever(drawn, spanMs, chance) };
    faults.push(fault);
    // Troubles do not come alone.
    if (!kills && chance.is(drawn === 'records-unwritable' ? 0.7 : 0.4)) {
      const from = 'at' in fault.when ? fault.when.at : fault.when.from;
      const kill = chance.one(KILLS);
      const lasts = Math.min(10_000, Math.max(0, fault.ms));
      // What went wrong with the records shows when they can be written again, and then are all that is left.
      const soon = from + (drawn === 'records-unwritable' ? lasts + chance.upTo(3_000) : chance.upTo(lasts + 2_000));
      faults.push({
        kind: kill,
        ms: lasting(kill, chance),
        when: chance.is(0.5) ? { at: soon } : byAPoint(POINTS, soon, chance),
      });
    }
  }
  return faults;
}

function whenever(kind: FaultKind, spanMs: number, chance: Chance): Fault['when'] {
  const from = chance.upTo(spanMs + 1_000);
  if (kind === 'records-unwritable' && chance.is(0.7)) return byAPoint(RECORD_POINTS, from, chance);
  return KILLS.includes(kind) && chance.is(0.7) ? byAPoint(POINTS, from, chance) : { at: from };
}

const byAPoint = (points: readonly string[], from: number, chance: Chance): Fault['when'] => ({
  point: chance.one(points),
  from,
  nth: chance.whole(1, 4),
});

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
    case 'records-unwritable':
      return chance.whole(50, 1_500);
    default:
      return chance.whole(200, 3_000);
  }
}
