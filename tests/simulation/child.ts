// Runs seeds one after the other, in a process whose only clock is virtual. One line of JSON for each seed with anything wrong, and one at
// the end: `node --experimental-transform-types --import ./tests/support/source-imports.mjs tests/simulation/child.ts --from 0 --count 500`.
// `--story` tells everything that happens in the seeds, for a person.
import { parseArgs } from 'node:util';
import { VirtualTime } from './world/virtual-time.js';

const { values } = parseArgs({
  options: {
    from: { type: 'string', default: '0' },
    count: { type: 'string', default: '1' },
    every: { type: 'string', default: '1' },
    seeds: { type: 'string' },
    'until-wrong': { type: 'boolean', default: false },
    traces: { type: 'boolean', default: false },
    story: { type: 'boolean', default: false },
  },
});

const time = new VirtualTime();
// Before the modules of the product are loaded: they find these clocks and no others.
time.install();
const { Records } = await import('./world/records.js');
const { runSeed } = await import('./world/run.js');

const records = await Records.open();
const from = Number(values.from);
const every = Number(values.every);
const seeds =
  values.seeds === undefined
    ? Array.from({ length: Number(values.count) }, (_, nth) => from + nth * every)
    : values.seeds.split(',').map(Number);

const say = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
const story = values.story ? (line: string): void => void process.stdout.write(`${line}\n`) : undefined;

const total = { runs: 0, wrong: 0, steps: 0, messages: 0, crashes: 0, exact: 0 };
for (const seed of seeds) {
  const outcome = await runSeed(seed, time, records, story);
  total.runs += 1;
  total.steps += outcome.steps;
  total.messages += outcome.messages;
  total.crashes += outcome.crashes;
  if (outcome.exactly) total.exact += 1;
  if (values.traces || outcome.wrong.length > 0) say(outcome);
  if (outcome.wrong.length > 0) {
    total.wrong += 1;
    if (values['until-wrong']) break;
  }
}
const { user, system } = process.cpuUsage();
say({ ...total, cpuSeconds: (user + system) / 1e6 });
process.exit(0);
