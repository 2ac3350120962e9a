import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runToEnd } from './child.mjs';
import { builtProgram } from './program.mjs';
import { Refusal, say } from './say.mjs';

/** What the build reads. Specs are not built, so editing one does not start a build. */
const INPUTS = [
  'apps',
  'libs',
  'simulators',
  'nest-cli.json',
  'package-lock.json',
  'tsconfig.build.json',
  'tsconfig.json',
  'vite.config.ts',
];
const NOT_BUILT = /\.(spec|suite)\.tsx?$|\.md$/;

function* filesUnder(root, path) {
  const whole = join(root, path);
  if (!existsSync(whole)) return;
  if (!statSync(whole).isDirectory()) yield path;
  else
    for (const name of readdirSync(whole).toSorted())
      if (name !== 'node_modules') yield* filesUnder(root, `${path}/${name}`);
}

/** One number for all that the build reads: names and contents, so that a removed file and a restored one count too. */
export function fingerprint(root) {
  const hash = createHash('sha256');
  for (const input of INPUTS)
    for (const file of filesUnder(root, input)) {
      if (NOT_BUILT.test(file)) continue;
      const content = readFileSync(join(root, file));
      hash.update(`${file}\0${content.length}\0`).update(content);
    }
  return hash.digest('hex');
}

const stampFile = (root) => join(root, 'dist', '.built');

/** Whether `dist` is the whole and finished build of the sources as they are now. */
export function isBuilt(root) {
  return (
    existsSync(stampFile(root)) &&
    existsSync(builtProgram(root)) &&
    readFileSync(stampFile(root), 'utf8') === fingerprint(root)
  );
}

/** To be called before something else writes into `dist`: what it leaves there is nobody's finished build. */
export function forgetBuild(root) {
  rmSync(stampFile(root), { force: true });
}

/** Compiles apps and libraries and bundles the page into `dist`. The stamp goes first and comes back last. */
export async function build(root, node) {
  say('đang dựng chương trình …', 'building …');
  mkdirSync(join(root, 'dist'), { recursive: true });
  forgetBuild(root);
  // Sources may be saved while the compiler runs; the stamp must not claim to hold what came later.
  const print = fingerprint(root);
  // The compiler keeps notes of what it has written; without the files they would make it write nothing.
  if (!existsSync(builtProgram(root))) rmSync(join(root, 'dist', '.tsbuildinfo'), { force: true });
  const run = (...args) => runToEnd(node, args, { cwd: root, quiet: true });
  const steps = await Promise.all([
    run('node_modules/@nestjs/cli/bin/nest.js', 'build', 'canh'),
    run('node_modules/vite/bin/vite.js', 'build', '--logLevel', 'warn'),
  ]);
  for (const { exitCode, stopped, output } of steps) {
    if (stopped) throw new Refusal('the build was stopped. Run the command again to go on.', { exitCode });
    if (exitCode === 0) continue;
    process.stderr.write(`${output.trimEnd()}\n`);
    throw new Refusal("the build failed; the compiler's reason stands above. Correct it and run the command again.");
  }
  if (!existsSync(builtProgram(root)))
    throw new Refusal(`the build left no ${builtProgram(root)}. Remove the folder dist and run the command again.`);
  writeFileSync(stampFile(root), print);
}
