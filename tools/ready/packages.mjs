import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { runToEnd } from './child.mjs';
import { nodeToRun, refuseWithoutNode } from './node.mjs';
import { Refusal, say, withBar } from './say.mjs';

function lockedPackages(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages ?? {};
  } catch (error) {
    if (error.code === 'ENOENT') return null;
    throw new Refusal(
      `${file} cannot be read (${error.message}). Restore it (git checkout) or remove node_modules, then run the command again.`,
    );
  }
}

let glibc;
function usesGlibc() {
  // Without this the report asks the name server about every open connection.
  if (process.report !== undefined) process.report.excludeNetwork = true;
  return (glibc ??= process.report?.getReport().header.glibcVersionRuntime !== undefined);
}

/** Native parts come as optional packages, one a platform: is this entry of the lock file the one for this machine? */
function isForThisMachine({ os, cpu, libc }) {
  if (os === undefined || cpu === undefined) return false;
  if (!os.includes(process.platform) || !cpu.includes(process.arch)) return false;
  return libc === undefined || libc.includes(usesGlibc() ? 'glibc' : 'musl');
}

/**
 * The packages that the lock file wants on this machine and that are not installed in that version. npm writes down what
 * it has installed when it is done with it, so a broken-off install lacks everything. `dev: false` asks only for what runs Canh.
 */
export function lackingPackages(root, { dev = true } = {}) {
  const wanted = lockedPackages(join(root, 'package-lock.json'));
  if (wanted === null)
    throw new Refusal(
      `${join(root, 'package-lock.json')} is missing. Restore it (git checkout) and run the command again.`,
    );
  const installed = lockedPackages(join(root, 'node_modules', '.package-lock.json')) ?? {};
  return Object.entries(wanted)
    .filter(([path]) => path !== '')
    .filter(([, entry]) => (dev || entry.dev !== true) && (entry.optional !== true || isForThisMachine(entry)))
    .filter(([path, entry]) => installed[path]?.version !== entry.version)
    .map(([path]) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length));
}

/** npm's own script when npm started us, which needs no shell on any platform; else the command. */
function npm(...args) {
  const script = process.env.npm_execpath ?? '';
  if (basename(script) === 'npm-cli.js' && existsSync(script))
    return { command: process.env.npm_node_execpath ?? process.execPath, args: [script, ...args] };
  return process.platform === 'win32' ? { command: 'npm.cmd', args, shell: true } : { command: 'npm', args };
}

const REASONS = [
  [
    /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT|ENOTCACHED/,
    'the package registry cannot be reached. Connect this machine, or tell npm its proxy or mirror (npm config set proxy|registry …), and run the command again',
  ],
  [
    /EACCES|EPERM|EROFS/,
    'this user may not write where npm has to. Make node_modules and the npm cache writable for this user, and run the command again',
  ],
  [/ENOSPC/, 'the disk is full; node_modules needs about 0.6 GB. Make room and run the command again'],
  [
    /EUSAGE/,
    'package.json and package-lock.json do not agree. Run npm install, look at what changed, and run the command again',
  ],
];

/** Brings node_modules to what the lock file says. */
export async function installPackages(root) {
  say('đang cài các gói (khoảng một phút, chỉ một lần) …', 'installing packages (about a minute, once) …');
  // With NODE_ENV=production npm would leave out what the build needs.
  const { command, args, ...options } = npm(
    'ci',
    '--include=dev',
    '--include=optional',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  );
  const packages = Object.entries(lockedPackages(join(root, 'package-lock.json')) ?? {})
    .filter(([path, entry]) => path !== '' && (entry.optional !== true || isForThisMachine(entry)))
    .map(([path]) => join(root, path, 'package.json'));
  const install = runToEnd(command, args, { ...options, cwd: root, quiet: true }).catch((error) => {
    if (error.code !== 'ENOENT') throw error;
    throw new Refusal(
      'npm is not on the PATH, and packages have to be installed. Install npm 10 or newer (it comes with Node) and run the command again.',
    );
  });
  const { exitCode, stopped, output } = await withBar(install, {
    done: () => packages.filter((file) => existsSync(file)).length,
    total: packages.length,
    unit: 'gói · packages',
  });
  if (stopped) throw new Refusal('the install was stopped. Run the command again to go on.', { exitCode });
  if (exitCode !== 0) {
    process.stderr.write(`${output.trimEnd()}\n`);
    const [, reason] = REASONS.find(([pattern]) => pattern.test(output)) ?? [null, "npm's reason stands above"];
    throw new Refusal(`npm ci failed: ${reason}.`);
  }
  const node = nodeToRun(root);
  if (node === null) throw refuseWithoutNode();
  const works = await runToEnd(node, ['--version'], { quiet: true }).catch(() => null);
  if (works?.exitCode !== 0) throw refuseWithoutNode();
}
