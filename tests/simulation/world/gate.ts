import type { Chance } from './chance.js';
import { NEVER } from './disk.js';
import type { Owner, VirtualTime } from './virtual-time.js';

/** What the gates in front of the records do to those who ask. */
export interface RecordsWeather {
  /** No write is kept for the moment: a full disk. */
  unwritable: boolean;
  slowMs: number;
}

/**
 * The records as one process has them: each call takes a while to begin and a while to be answered, and a process that dies in between is
 * answered no more. A call is one transaction, which is done or not.
 */
export function gated<Port extends object>(
  port: Port,
  name: string,
  owner: Owner,
  time: VirtualTime,
  chance: Chance,
  weather: RecordsWeather,
  happened: (what: string, owner: Owner) => void,
): Port {
  return new Proxy(port, {
    get(target, method) {
      const member: unknown = Reflect.get(target, method, target);
      if (typeof member !== 'function') return member;
      const what = `${name}.${String(method)}`;
      const reads = READS.has(String(method));
      return async (...handed: unknown[]): Promise<unknown> => {
        if (!owner.alive) return NEVER;
        const busy = chance.upTo(1) + chance.upTo(weather.slowMs);
        await time.pause(busy, owner);
        if (reads) return (await Reflect.apply(member, target, handed)) as unknown;
        happened(`before ${what}`, owner);
        if (!owner.alive) return NEVER;
        if (weather.unwritable) throw new Error('The records cannot be written (database or disk is full).');
        time.note(what);
        const result: unknown = await Reflect.apply(member, target, handed);
        happened(`after ${what}`, owner);
        await time.pause(chance.upTo(1), owner);
        return result;
      };
    },
  });
}

const READS: ReadonlySet<string> = new Set([
  'version',
  'inventory',
  'offset',
  'ruleStates',
  'place',
  'storedAt',
  'storeSeen',
]);
