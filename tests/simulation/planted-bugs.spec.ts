import { describe, expect, it } from 'vitest';
import { PLANTED_BUGS } from './planted-bugs.js';
import { simulate } from './simulate.js';

const WITHIN_SEEDS = 2_000;
const TAKES_AT_MOST_MS = 400_000;

/** What the simulation is worth: somebody makes a mistake in the code, and it is found. */
describe('the simulation', () => {
  it.concurrent.each(PLANTED_BUGS.map((bug) => [bug.name] as const))(
    'finds that %s',
    async (name) => {
      const { seeds } = await simulate(['--from', '1', '--count', String(WITHIN_SEEDS), '--until-wrong'], name);
      const found = seeds[0];
      console.info(`planted: ${name}: ${found === undefined ? 'not found' : `seed ${found.seed}, ${found.wrong[0]}`}`);
      expect(found, 'the seed that found it').toBeDefined();
    },
    TAKES_AT_MOST_MS,
  );
});
