import { fileURLToPath } from 'node:url';
import { build, forgetBuild, isBuilt } from './build.mjs';
import { runToEnd } from './child.mjs';
import { alone, untilFree } from './lock.mjs';
import { nodeToRun } from './node.mjs';
import { installPackages, lackingPackages } from './packages.mjs';
import { programCommand } from './program.mjs';
import { endWith, Refusal, say } from './say.mjs';

const GOALS = ['app', 'canh', 'packages', 'watch'];
const root = fileURLToPath(new URL('../..', import.meta.url));

const isInstalled = () => nodeToRun(root) !== null && lackingPackages(root).length === 0;
const isReady = (goal) => isInstalled() && (goal === 'packages' || isBuilt(root));

async function makeReady(goal) {
  const onWait = ({ pid }) =>
    say(
      `tiến trình ${pid} đang cài hoặc dựng ở đây, xin chờ …`,
      `process ${pid} is installing or building here, waiting …`,
    );
  await untilFree(root, onWait);
  if (isReady(goal)) return;
  await alone(
    root,
    async () => {
      // Whoever held the lock before us may have done it all.
      if (!isInstalled()) await installPackages(root);
      if (goal !== 'packages' && !isBuilt(root)) await build(root, nodeToRun(root));
    },
    onWait,
  );
}

/**
 * `packages`: installed; `app`: built, too; `watch`: built, and from then on by what is run. What follows the goal is run
 * then, and its exit code is ours. `canh`: built, and what follows is for the program.
 */
export async function main([goal, ...rest]) {
  try {
    process.chdir(root);
    if (!GOALS.includes(goal)) throw new Refusal(`ready.mjs knows the goals ${GOALS.join(', ')}, not "${goal ?? ''}".`);
    await makeReady(goal);
    if (goal === 'watch') forgetBuild(root);
    const command = goal === 'canh' ? programCommand(root, rest) : rest;
    if (command.length > 0) process.exitCode = (await runToEnd(nodeToRun(root), command)).exitCode;
  } catch (error) {
    endWith(error);
  }
}
