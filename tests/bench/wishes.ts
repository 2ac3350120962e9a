import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Load } from './generator.js';

export const USAGE = `npm run bench -- [--rounds 3] [--seconds 5] [--warm-up 2] [--connections 100,1000] [--window 20] [--folder DIR] [--quiet] [--markdown] [--profile]

  Bare Aedes and Canh (and mosquitto where it is installed) under the same load at QoS 1, in interleaved rounds.
  --folder    where data are kept meanwhile; on a disk, or no acknowledgement waits for one
  --quiet     wait for a moment in which nothing else runs on the machine, and measure a disturbed round again
  --markdown  the table with machine, date and command above it, as README.md has it
  --profile   instead: Canh under the CPU profiler, and what cost most in each of its threads`;

/** What the command line asks for. */
export interface Wishes {
  readonly rounds: number;
  readonly loads: readonly Load[];
  readonly folder: string;
  readonly quiet: boolean;
  readonly markdown: boolean;
  readonly profile: boolean;
  readonly help: boolean;
}

/** Throws a RangeError or TypeError with a sentence for a person. */
export function readWishes(args: readonly string[]): Wishes {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '5' },
      'warm-up': { type: 'string', default: '2' },
      connections: { type: 'string', default: '100,1000' },
      window: { type: 'string', default: '20' },
      folder: { type: 'string', default: tmpdir() },
      quiet: { type: 'boolean', default: false },
      markdown: { type: 'boolean', default: false },
      profile: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const shared = {
    window: whole('window', values.window, 1, 64),
    warmUpSeconds: whole('warm-up', values['warm-up'], 0, 600),
    seconds: whole('seconds', values.seconds, 1, 3_600),
  };
  return {
    ...values,
    rounds: whole('rounds', values.rounds, 1, 100),
    loads: values.connections
      .split(',')
      .map((text) => ({ ...shared, connections: whole('connections', text, 1, 10_000) })),
    folder: resolve(values.folder),
  };
}

function whole(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isInteger(value) || value < least || value > most)
    throw new RangeError(`--${name} ${text}: give a whole number from ${least} to ${most}.`);
  return value;
}
