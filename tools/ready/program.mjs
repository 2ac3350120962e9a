import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** What the build leaves to run. */
export const builtProgram = (root) => join(root, 'dist', 'apps', 'canh', 'src', 'main.js');

/** What Node is told to run Canh with these arguments. The settings of `.env` are those of the province, not of a demonstration. */
export function programCommand(root, args) {
  const settings = join(root, '.env');
  const fromFile = args[0] !== 'demo' && existsSync(settings) ? [`--env-file=${settings}`] : [];
  return [...fromFile, '--enable-source-maps', builtProgram(root), ...args];
}
