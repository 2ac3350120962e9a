import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../..');

/** What a process says of a seed that went wrong (of every seed, with `--traces`). */
export interface SeedLine {
  readonly seed: number;
  readonly wrong: readonly string[];
  readonly trace: number;
}

export interface Simulated {
  readonly seeds: readonly SeedLine[];
  readonly runs: number;
  readonly crashes: number;
  readonly messages: number;
  /** Runs in which everything could be counted to the last one. */
  readonly exact: number;
  readonly cpuSeconds: number;
}

/** Runs `child.ts` in a process of its own, since its clock is virtual. `planted`: the name of a bug that is planted in it. */
export async function simulate(options: readonly string[], planted: string | null = null): Promise<Simulated> {
  const imports = ['--import', './tests/support/source-imports.mjs'];
  if (planted !== null) imports.push('--import', './tests/simulation/plant.ts');
  const child = spawn(
    process.execPath,
    ['--experimental-transform-types', '--no-warnings', ...imports, 'tests/simulation/child.ts', ...options],
    {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...(planted === null ? {} : { CANH_PLANTED_BUG: planted }) },
    },
  );
  let said = '';
  child.stderr.on('data', (text: Buffer) => (said += text.toString()));
  const ended = new Promise<number | null>((done) => child.on('close', done));
  const seeds: SeedLine[] = [];
  let total: Omit<Simulated, 'seeds'> | null = null;
  for await (const line of createInterface({ input: child.stdout })) {
    const read = JSON.parse(line) as SeedLine | Omit<Simulated, 'seeds'>;
    if ('seed' in read) seeds.push(read);
    else total = read;
  }
  const code = await ended;
  if (code !== 0 || total === null || said !== '')
    throw new Error(`the simulating process ended with ${code}: ${said}`);
  return { seeds, ...total };
}

/** How to see that seed again, with all that happens in it. */
export const howToRepeat = (seed: number): string =>
  'node_modules/node/bin/node --experimental-transform-types --no-warnings --import ./tests/support/source-imports.mjs ' +
  `tests/simulation/child.ts --seeds ${seed} --story`;
