import { mkdtemp, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { prepareInventory } from './canh.js';
import { Generator, type Load } from './generator.js';
import { topCosts } from './profile.js';
import { DISTURBING_CORES, quietMoment } from './quiet.js';
import { aedesRound, canhRound, findMosquitto, mosquittoRound, type Round } from './round.js';
import { machine, said, table } from './table.js';
import { readWishes, USAGE, type Wishes } from './wishes.js';

const TMPFS = 0x01021994;
const MOST_DISTURBED = 5;

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
  try {
    return await measure(wishes, folder, args);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function measure(wishes: Wishes, folder: string, args: readonly string[]): Promise<number> {
  const { rounds, loads, quiet, markdown, profile } = wishes;
  const generator = Generator.compile(folder);
  const devices = Math.max(...loads.map(({ connections }) => connections));
  console.error(`Registering ${devices} devices …`);
  const inventory = await prepareInventory(folder, devices);
  const measured: Round[] = [];
  const measureOne = async (server: (load: Load) => Promise<Round>, load: Load): Promise<Round> => {
    for (let disturbed = 0; ; disturbed += 1) {
      if (quiet) await quietMoment();
      const round = await server(load);
      console.error(said(round));
      if (quiet && round.otherCores > DISTURBING_CORES && disturbed < MOST_DISTURBED) {
        console.error('  disturbed; again');
        continue;
      }
      measured.push(round);
      return round;
    }
  };

  if (profile)
    for (const load of loads) {
      const profiles = join(folder, `profiles-${load.connections}`);
      const options = ['--cpu-prof', `--cpu-prof-dir=${profiles}`];
      const { begunUs } = await measureOne(() => canhRound(generator, load, inventory, folder, options), load);
      console.log(await topCosts(profiles, begunUs));
    }
  else {
    const servers = [
      (load: Load) => aedesRound(generator, load),
      (load: Load) => canhRound(generator, load, inventory, folder),
    ];
    const mosquitto = findMosquitto();
    if (mosquitto === null) console.error('mosquitto is not installed (apt install mosquitto): no figures of it.');
    else servers.push((load) => mosquittoRound(generator, load, folder, mosquitto));
    for (let round = 0; round < rounds; round += 1)
      for (const load of loads)
        // Every other time the other way about, so that what drifts meanwhile favours nobody.
        for (const server of round % 2 === 0 ? servers : servers.toReversed()) await measureOne(server, load);
    if (markdown) console.log(`\`npm run bench -- ${args.join(' ')}\` on ${machine(measured)}.\n`);
    console.log(table(measured));
  }
  const wrong = measured.flatMap(({ connections, path }) =>
    (path?.wrong ?? []).map((what) => `bench: Canh c${connections}: ${what}`),
  );
  for (const what of wrong) console.error(what);
  return wrong.length > 0 ? 1 : 0;
}
