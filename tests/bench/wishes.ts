import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Load } from './generator.js';

/** What can be measured, in the order in which it is. */
export const SCENARIOS = {
  durable: 'the acknowledgement after the fdatasync: the broker alone beside bare Aedes',
  whole: 'the whole path into DuckDB beside bare Aedes, and the delay of the MQTT thread',
  victoria: 'the same into VictoriaMetrics',
  influx: 'the same into InfluxDB 1.6',
  mosquitto: 'the CPU of a mosquitto that tells nobody',
  cost: 'what durability costs at 5,000 messages a second',
  deaf: 'a subscriber that stops reading',
  connections: '10,000 devices that connect at once, 2,000 over TLS: how fast, and the memory of each',
  fair: 'live devices beside one that sends what it saved up in three hours',
  outage: 'ten seconds without the time series server, at 5,000 messages a second',
  naive: 'mosquitto, mqtt.js, class-validator, groupBy and WriteApi beside Canh',
  'node-red': 'mosquitto, Node-RED and its influxdb batch beside Canh',
} as const;
export type ScenarioName = keyof typeof SCENARIOS;
const NAMES = Object.keys(SCENARIOS) as ScenarioName[];
const BY_DEFAULT: readonly ScenarioName[] = ['durable', 'whole', 'cost', 'deaf', 'connections', 'fair'];

export const USAGE = `npm run bench -- [--only NAMES | --all] [--peers] [--rounds 3] [--seconds 5] [--warm-up 2] [--connections 100,1000] [--window 20]
                [--folder DIR] [--quiet] [--markdown] [--profile] [--against DIR]

  --only      some of these, with commas between them; without it those with a star
${NAMES.map((name) => `                ${BY_DEFAULT.includes(name) ? '*' : ' '} ${name.padEnd(10)} ${SCENARIOS[name]}`).join('\n')}
  --all       all of them, where their servers are installed
  --peers     install Node-RED below node_modules/.cache/peers first
  --folder    where data are kept meanwhile; on a disk, or no acknowledgement waits for one
  --quiet     wait for a moment in which nothing else runs on the machine, and measure a disturbed round again
  --markdown  the tables with machine, date and command above them, as README.md has them
  --profile   instead: Canh under the CPU profiler, and what cost most in each of its threads
  --against   instead: this Canh beside that of another checkout that is built. Both look at the whole path into DuckDB, or with
              --only victoria, influx or durable at that`;

/** What the command line asks for. */
export interface Wishes {
  readonly only: ReadonlySet<ScenarioName>;
  readonly peers: boolean;
  readonly rounds: number;
  readonly loads: readonly Load[];
  readonly folder: string;
  readonly quiet: boolean;
  readonly markdown: boolean;
  readonly profile: boolean;
  readonly against: string | null;
  readonly help: boolean;
}

/** Throws a RangeError or TypeError with a sentence for a person. */
export function readWishes(args: readonly string[]): Wishes {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string', default: BY_DEFAULT.join(',') },
      all: { type: 'boolean', default: false },
      peers: { type: 'boolean', default: false },
      rounds: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '5' },
      'warm-up': { type: 'string', default: '2' },
      connections: { type: 'string', default: '100,1000' },
      window: { type: 'string', default: '20' },
      folder: { type: 'string', default: tmpdir() },
      quiet: { type: 'boolean', default: false },
      markdown: { type: 'boolean', default: false },
      profile: { type: 'boolean', default: false },
      against: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const shared = {
    window: whole('window', values.window, 1, 64),
    rate: 0,
    warmUpSeconds: whole('warm-up', values['warm-up'], 0, 600),
    seconds: whole('seconds', values.seconds, 1, 3_600),
  };
  return {
    ...values,
    only: new Set(values.all ? NAMES : values.only.split(',').map(scenario)),
    rounds: whole('rounds', values.rounds, 1, 100),
    loads: values.connections
      .split(',')
      .map((text) => ({ ...shared, connections: whole('connections', text, 1, 10_000) })),
    folder: resolve(values.folder),
    against: values.against === undefined ? null : resolve(values.against),
  };
}

function scenario(text: string): ScenarioName {
  const name = NAMES.find((known) => known === text);
  if (name === undefined) throw new RangeError(`--only ${text}: there are ${NAMES.join(', ')}.`);
  return name;
}

function whole(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isInteger(value) || value < least || value > most)
    throw new RangeError(`--${name} ${text}: give a whole number from ${least} to ${most}.`);
  return value;
}
