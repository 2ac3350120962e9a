#!/usr/bin/env node
// `npx canh …`: the command line. Administrators and timers call it on machines in service, so it never installs or
// builds by itself; it says what is missing and which command brings it.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { runToEnd } from './ready/child.mjs';
import { nodeToRun, refuseWithoutNode } from './ready/node.mjs';
import { lackingPackages } from './ready/packages.mjs';
import { builtProgram, programCommand } from './ready/program.mjs';
import { endWith, Refusal } from './ready/say.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const SHOWN = 3;

function refuseUnlessReady() {
  const lacking = lackingPackages(root, { dev: false });
  if (lacking.length > 0) {
    const shown = [
      ...lacking.slice(0, SHOWN),
      ...(lacking.length > SHOWN ? [`${lacking.length - SHOWN} more`] : []),
    ].join(', ');
    throw new Refusal(`packages are missing in ${root} (${shown}). Run npm ci there, then npm run build.`);
  }
  if (nodeToRun(root) === null) throw refuseWithoutNode();
  if (!existsSync(builtProgram(root)))
    throw new Refusal(`the program is not built in ${root}. Run npm run build there.`);
}

try {
  refuseUnlessReady();
  const { exitCode } = await runToEnd(nodeToRun(root), programCommand(root, process.argv.slice(2)));
  process.exitCode = exitCode;
} catch (error) {
  endWith(error);
}
