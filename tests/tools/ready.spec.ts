import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, utimesSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Checkout, olderNode, type Running } from './checkout.js';

const SAY_VERSION = ['-p', '`on Node ${process.versions.node.split(".")[0]}`'];
const lines = (output: string) => output.trimEnd().split('\n');

describe('handing over', () => {
  it('runs what follows the goal and ends with its exit code', async () => {
    const run = new Checkout().ready('packages', '-e', 'console.log("here"); process.exitCode = 3');
    expect(await run.ended).toBe(3);
    expect(run.output).toBe('here\n');
  });

  it('passes SIGTERM on, and waits for the orderly stop', async () => {
    const run = new Checkout().ready(
      'packages',
      '-e',
      'process.once("SIGTERM", () => { console.log("stopped in order"); clearInterval(alive) }); const alive = setInterval(() => {}, 1000); console.log("up")',
    );
    await run.says('up');
    run.process.kill('SIGTERM');
    expect(await run.ended).toBe(0);
    expect(run.output).toContain('stopped in order');
  });

  it('ends as a shell does, with 128 + n, when signal n ended what it ran', async () => {
    const run = new Checkout().ready(
      'packages',
      '-e',
      'process.kill(process.pid, "SIGKILL"); setInterval(() => {}, 1000)',
    );
    expect(await run.ended).toBe(137);
  });

  it('stops what it runs when npm is gone, whose shell passes no signal on', async () => {
    const checkout = new Checkout();
    const program =
      'process.once("SIGTERM", () => { console.log("stopped in order"); process.exit() }); setInterval(() => {}, 1000); console.log("up")';
    const shell = `"${process.execPath}" tools/ready.mjs packages -e '${program}' & wait`;
    const run = checkout.start(['-c', shell], { node: '/bin/sh', env: { npm_lifecycle_event: 'start' } });
    await run.says('up');
    run.process.kill('SIGKILL');
    // The pipe closes when its last holder, the program, has gone.
    await run.ended;
    expect(run.output).toContain('stopped in order');
  });

  it('names the goals that there are', async () => {
    const run = new Checkout().ready('everything');
    expect(await run.ended).toBe(1);
    expect(run.output).toBe('Canh: ready.mjs knows the goals app, canh, packages, watch, not "everything".\n');
  });

  it.skipIf(olderNode === undefined)('gives the work to the packaged Node where the own one is too old', async () => {
    const checkout = new Checkout();
    checkout.packageNode();
    const run = checkout.start(['tools/ready.mjs', 'packages', ...SAY_VERSION], { node: olderNode! });
    expect(await run.ended).toBe(0);
    expect(run.output).toBe(`on Node ${process.versions.node.split('.')[0]}\n`);
  });
});

describe('building', () => {
  it('builds once, and again only when a source or a setting of the build has changed', async () => {
    const checkout = new Checkout();
    const buildsAfter = async (change: () => void) => {
      change();
      expect(await checkout.ready('app').ended).toBe(0);
      return checkout.builds;
    };
    expect(await buildsAfter(() => {})).toBe(1);
    expect(await buildsAfter(() => {})).toBe(1);
    expect(await buildsAfter(() => checkout.write('apps/canh/src/main.ts', 'second'))).toBe(2);
    expect(await buildsAfter(() => checkout.write('apps/canh/src/main.spec.ts', 'second'))).toBe(2);
    // What git checks out may be older than the build.
    expect(
      await buildsAfter(() => {
        checkout.write('libs/core/src/new.ts', '');
        utimesSync(join(checkout.root, 'libs/core/src/new.ts'), 0, 0);
      }),
    ).toBe(3);
    expect(await buildsAfter(() => checkout.remove('libs/core/src/new.ts'))).toBe(4);
    expect(await buildsAfter(() => checkout.write('tsconfig.json', '{}'))).toBe(5);
    expect(await buildsAfter(() => checkout.remove('dist/apps'))).toBe(6);
  });

  it('builds again after a run that wrote into dist itself, even for unchanged sources', async () => {
    const checkout = new Checkout();
    expect(await checkout.ready('watch', 'dist/apps/canh/src/main.js').ended).toBe(0);
    expect(await checkout.ready('app').ended).toBe(0);
    expect(checkout.builds).toBe(2);
  });

  it('leaves the build alone where only packages are asked for', async () => {
    const checkout = new Checkout();
    expect(await checkout.ready('packages').ended).toBe(0);
    expect(checkout.builds).toBe(0);
  });

  it("shows the compiler's reason when it fails, ends with one line, and tries again next time", async () => {
    const checkout = new Checkout();
    checkout.compilerIs('console.log("main.ts:1 is wrong"); process.exit(2);');
    const broken = checkout.ready('app', 'dist/apps/canh/src/main.js');
    expect(await broken.ended).toBe(1);
    expect(lines(broken.output).slice(-2)).toEqual([
      'main.ts:1 is wrong',
      "Canh: the build failed; the compiler's reason stands above. Correct it and run the command again.",
    ]);
    checkout.compilerIs('');
    const mended = checkout.ready('app', 'dist/apps/canh/src/main.js', 'start');
    expect(await mended.ended).toBe(0);
    expect(mended.output).toContain('program start\n');
  });

  it('stops the compiler and leaves no lock when it is stopped itself', async () => {
    const checkout = new Checkout();
    checkout.compilerIs(
      'writeFileSync("compiling", String(process.pid)); await new Promise(() => setInterval(() => {}, 1000));',
    );
    const run = checkout.ready('app');
    await expect.poll(() => existsSync(join(checkout.root, 'compiling')), { timeout: 20_000 }).toBe(true);
    run.process.kill('SIGTERM');
    expect(await run.ended).toBe(143);
    expect(run.output).toContain('the build was stopped');
    expect(existsSync(join(checkout.root, 'dist/.ready-lock'))).toBe(false);
  });
});

describe('several at once', () => {
  const untilTold =
    'writeFileSync("compiling", ""); while (!existsSync("go-on")) await new Promise((done) => setTimeout(done, 20));';

  it('builds once for two first starts, and both run', async () => {
    const checkout = new Checkout();
    checkout.compilerIs(untilTold);
    const first = checkout.ready('app', 'dist/apps/canh/src/main.js', 'one');
    await expect.poll(() => existsSync(join(checkout.root, 'compiling')), { timeout: 20_000 }).toBe(true);
    const second = checkout.ready('app', 'dist/apps/canh/src/main.js', 'two');
    await second.says(`process ${first.process.pid} is installing or building here`);
    checkout.write('go-on', '');
    expect([await first.ended, await second.ended]).toEqual([0, 0]);
    expect(first.output).toContain('program one\n');
    expect(second.output).toContain('program two\n');
    expect(checkout.builds).toBe(1);
  });

  it('builds once however many start in the same moment', async () => {
    const checkout = new Checkout();
    const all = Array.from({ length: 5 }, () => checkout.ready('app', 'dist/apps/canh/src/main.js'));
    expect(await Promise.all(all.map((run) => run.ended))).toEqual([0, 0, 0, 0, 0]);
    expect(checkout.builds).toBe(1);
  });

  it('takes over from one that was killed', async () => {
    const checkout = new Checkout();
    checkout.compilerIs(untilTold);
    const killed = checkout.ready('app');
    await expect.poll(() => existsSync(join(checkout.root, 'compiling')), { timeout: 20_000 }).toBe(true);
    killed.process.kill('SIGKILL');
    checkout.write('go-on', '');
    await killed.ended;
    const next = checkout.ready('app', 'dist/apps/canh/src/main.js');
    expect(await next.ended).toBe(0);
    expect(next.output).toContain('program');
  });

  it('does not trust the process number of another machine that shares the folder', async () => {
    const checkout = new Checkout();
    const { pid } = spawnSync(process.execPath, ['-e', '']);
    const leave = (host: string) =>
      checkout.write('dist/.ready-lock/owner.json', JSON.stringify({ pid, host, token: 'x' }));
    leave(hostname());
    expect(await checkout.ready('app').ended).toBe(0);
    leave('another-machine');
    const waiting = checkout.ready('app');
    await waiting.says(`process ${pid} is installing or building here`);
    checkout.remove('dist/.ready-lock');
    expect(await waiting.ended).toBe(0);
  });
});

describe('installing', () => {
  /** A real package file, so that the real npm has something to install without a registry. */
  function wantPackageFile(checkout: Checkout): void {
    checkout.write('source/package.json', JSON.stringify({ name: 'thing', version: '2.0.0' }));
    const packed = spawnSync('npm', ['pack', './source', '--silent'], { cwd: checkout.root, encoding: 'utf8' });
    expect(packed.stdout.trim()).toBe('thing-2.0.0.tgz');
    const manifest = {
      name: 'canh',
      version: '0.0.0',
      type: 'module',
      dependencies: { thing: 'file:thing-2.0.0.tgz' },
    };
    checkout.write('package.json', JSON.stringify(manifest));
    checkout.remove('node_modules');
    const locked = spawnSync('npm', ['install', '--package-lock-only', '--offline', '--no-audit'], {
      cwd: checkout.root,
    });
    expect(locked.status).toBe(0);
  }

  it('installs what the lock file wants, and the next time finds it there', async () => {
    const checkout = new Checkout();
    wantPackageFile(checkout);
    const program = 'console.log(require("thing/package.json").version)';
    const first = checkout.ready('packages', '-e', program);
    expect(await first.ended).toBe(0);
    expect(lines(first.output)).toEqual([expect.stringContaining('installing packages'), '2.0.0']);
    const second = checkout.ready('packages', '-e', program);
    expect(await second.ended).toBe(0);
    expect(second.output).toBe('2.0.0\n');
  });

  it('says that the registry cannot be reached', async () => {
    const checkout = new Checkout();
    const dependencies = { thing: '3.0.0' };
    checkout.write('package.json', JSON.stringify({ name: 'canh', version: '0.0.0', dependencies }));
    const packages = {
      '': { name: 'canh', version: '0.0.0', dependencies },
      'node_modules/thing': { version: '3.0.0' },
    };
    checkout.write(
      'package-lock.json',
      JSON.stringify({ name: 'canh', version: '0.0.0', lockfileVersion: 3, packages }),
    );
    mkdirSync(join(checkout.root, 'cache'));
    const run = checkout.start(['tools/ready.mjs', 'packages'], {
      // Port 9 of this machine: nothing listens there.
      env: {
        npm_config_registry: 'http://127.0.0.1:9/',
        npm_config_fetch_retries: '0',
        npm_config_cache: join(checkout.root, 'cache'),
      },
    });
    expect(await run.ended).toBe(1);
    expect(lines(run.output).at(-1)).toMatch(
      /^Canh: npm ci failed: the package registry cannot be reached\. Connect this machine/,
    );
  });

  it('says that npm is missing', async () => {
    const checkout = new Checkout();
    checkout.remove('node_modules');
    const run = checkout.start(['tools/ready.mjs', 'packages'], { env: { PATH: checkout.root } });
    expect(await run.ended).toBe(1);
    expect(lines(run.output).at(-1)).toMatch(/^Canh: npm is not on the PATH/);
  });

  it.skipIf(olderNode === undefined)('says which Node to install where the package brings none', async () => {
    const checkout = new Checkout();
    wantPackageFile(checkout);
    const run = checkout.start(['tools/ready.mjs', 'packages'], { node: olderNode! });
    expect(await run.ended).toBe(1);
    expect(lines(run.output).at(-1)).toMatch(
      /^Canh: this machine's Node is .* Install Node 24 .* and run the command again\.$/,
    );
  });
});

describe('npx canh', () => {
  it('hands its arguments to the program and ends with its exit code', async () => {
    const checkout = new Checkout();
    checkout.compilerIs('');
    expect(await checkout.ready('app').ended).toBe(0);
    const run = checkout.start(['tools/canh.mjs', 'station', 'list', '--json']);
    expect(await run.ended).toBe(0);
    expect(run.output).toBe('program station list --json\n');
  });

  it('reads .env beside it, as npm start does, but not for a demonstration', async () => {
    const checkout = new Checkout();
    expect(await checkout.ready('app').ended).toBe(0);
    checkout.write('.env', 'CANH_HTTP_PORT=8181\n');
    checkout.write('dist/apps/canh/src/main.js', 'console.log(process.argv[2], process.env.CANH_HTTP_PORT)');
    const said = async (run: Running) => {
      expect(await run.ended).toBe(0);
      return run.output;
    };
    expect(await said(checkout.start(['tools/canh.mjs', 'start']))).toBe('start 8181\n');
    expect(await said(checkout.ready('canh', 'start'))).toBe('start 8181\n');
    expect(await said(checkout.ready('canh', 'demo'))).toBe('demo undefined\n');
  });

  it('says what is missing, and installs and builds nothing by itself', async () => {
    const checkout = new Checkout();
    const unbuilt = checkout.start(['tools/canh.mjs', 'start']);
    expect(await unbuilt.ended).toBe(1);
    expect(unbuilt.output).toMatch(/^Canh: the program is not built in .*\. Run npm run build there\.\n$/);
    checkout.remove('node_modules');
    const bare = checkout.start(['tools/canh.mjs', 'start']);
    expect(await bare.ended).toBe(1);
    expect(bare.output).toMatch(
      /^Canh: packages are missing in .* \(thing\)\. Run npm ci there, then npm run build\.\n$/,
    );
    expect(checkout.builds).toBe(0);
  });
});
