import { rmSync } from 'node:fs';
import { mkdtemp, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { Generator, type Load } from './generator.js';
import { prepareInventory } from './inventory.js';
import { interleaved, undisturbed, type Measuring } from './measuring.js';
import { topCosts } from './profile.js';
import { brokerRound, canhRound, type CanhRoundOptions, type Round } from './round.js';
import { connections } from './scenarios/connections.js';
import { cost } from './scenarios/cost.js';
import { deaf } from './scenarios/deaf.js';
import { fair } from './scenarios/fair.js';
import { outage } from './scenarios/outage.js';
import { pipelines } from './scenarios/pipelines.js';
import { saturated } from './scenarios/saturated.js';
import { influx, victoria } from './stores.js';
import { machine, said, table } from './table.js';
import { verdictTable, type Verdict } from './verdict.js';
import { readWishes, USAGE, type Wishes } from './wishes.js';

const TMPFS = 0x01021994;
/** What scenarios with a load of their own need. */
const FEWEST_DEVICES = 100;

/** Measures what was asked for. Its exit code: 1 where something that was acknowledged is not stored, 2 where it was asked wrongly. */
export async function bench(args: readonly string[]): Promise<number> {
  let wishes: Wishes;
  try {
    wishes = readWishes(args);
  } catch (error) {
    console.error(`bench: ${(error as Error).message}\n\n${USAGE}`);
    return 2;
  }
  if (wishes.help) {
    console.log(USAGE);
    return 0;
  }
  if (process.platform !== 'linux') {
    console.error('bench: the load generator and the accounting of CPU need Linux (epoll, /proc).');
    return 1;
  }
  if ((await statfs(wishes.folder)).type === TMPFS) {
    console.error(`bench: ${wishes.folder} is in memory, where nothing is durable. Give --folder one on a disk.`);
    return 1;
  }
  const folder = await mkdtemp(join(wishes.folder, 'canh-bench-'));
  const tidy = (): void => rmSync(folder, { recursive: true, force: true });
  process.once('exit', tidy);
  try {
    const generator = Generator.compile(folder);
    const devices = Math.max(FEWEST_DEVICES, ...wishes.loads.map(({ connections }) => connections));
    console.error(`Registering ${devices} devices …`);
    const measuring = { generator, inventory: await prepareInventory(folder, devices), folder, wishes };
    const wrong =
      wishes.against !== null
        ? await against(measuring, wishes.against)
        : wishes.profile
          ? await profile(measuring)
          : await measure(measuring, args);
    for (const what of wrong) console.error(`bench: ${what}`);
    return wrong.length > 0 ? 1 : 0;
  } finally {
    process.off('exit', tidy);
    tidy();
  }
}

/** Prints what was asked for, and gives back what is not as it must be. */
async function measure(measuring: Measuring, args: readonly string[]): Promise<string[]> {
  const { only, markdown } = measuring.wishes;
  const nothing = { rounds: [], verdicts: [], wrong: [], printed: '' };
  const parts: { rounds?: Round[]; verdicts: Verdict[]; wrong?: string[]; printed?: string }[] = [
    await saturated(measuring),
    only.has('cost') ? await cost(measuring) : nothing,
    only.has('deaf') ? await deaf(measuring) : nothing,
    only.has('connections') ? await connections(measuring) : nothing,
    only.has('fair') ? await fair(measuring) : nothing,
    only.has('outage') ? await outage(measuring) : nothing,
    only.has('naive') || only.has('node-red') ? await pipelines(measuring) : nothing,
  ];
  const rounds = parts.flatMap((part) => part.rounds ?? []);
  if (markdown)
    console.log(`\`npm run bench -- ${args.join(' ')}\` on ${machine(rounds.map(({ otherCores }) => otherCores))}.\n`);
  console.log(verdictTable(parts.flatMap(({ verdicts }) => verdicts)));
  for (const part of parts) {
    if (part.rounds !== undefined && part.rounds.length > 0) console.log(`\n${table(part.rounds)}`);
    if (part.printed !== undefined && part.printed !== '') console.log(`\n${part.printed}`);
  }
  return [...rounds.flatMap(({ wrong }) => wrong), ...parts.flatMap(({ wrong }) => wrong ?? [])];
}

/** The whole path, or of those that were asked for the first that can be looked at in this way. */
function looked(measuring: Measuring, load: Load, options: CanhRoundOptions): Promise<Round> {
  const { only } = measuring.wishes;
  if (only.has('whole')) return canhRound(measuring, load, null, options);
  if (only.has('victoria')) return canhRound(measuring, load, victoria, options);
  if (only.has('influx')) return canhRound(measuring, load, influx, options);
  return brokerRound(measuring, load, options);
}

async function profile(measuring: Measuring): Promise<string[]> {
  const wrong: string[] = [];
  for (const load of measuring.wishes.loads) {
    const profiles = join(measuring.folder, `profiles-${load.connections}`);
    const nodeOptions = ['--cpu-prof', `--cpu-prof-dir=${profiles}`];
    const round = await undisturbed(measuring, () => looked(measuring, load, { nodeOptions }), said);
    wrong.push(...round.wrong);
    console.log(await topCosts(profiles, round.begunUs));
  }
  return wrong;
}

async function against(measuring: Measuring, root: string): Promise<string[]> {
  const contenders = [
    (load: Load) => looked(measuring, load, { name: 'the other', root }),
    (load: Load) => looked(measuring, load, { name: 'this one' }),
  ];
  const rounds = await interleaved(measuring, measuring.wishes.loads, contenders, said);
  console.log(table(rounds));
  return rounds.flatMap(({ wrong }) => wrong);
}
