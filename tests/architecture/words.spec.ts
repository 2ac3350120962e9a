import { describe, expect, it } from 'vitest';
import { filesOf, projectSources } from './source-files.js';
import { barrelFaults, environmentFaults, impureCoreFaults } from './words.js';

describe('the project', () => {
  it('has a core without clock, chance and world', () => {
    expect(impureCoreFaults(projectSources())).toEqual([]);
  });

  it('reads the environment in libs/runtime only', () => {
    expect(environmentFaults(projectSources())).toEqual([]);
  });

  it('has no barrels', () => {
    expect(barrelFaults(projectSources())).toEqual([]);
  });
});

describe('what is not pure in core is reported', () => {
  const faultsIn = (text: string, path = 'libs/core/src/rules/a.ts') => impureCoreFaults(filesOf({ [path]: text }));

  it.each([
    ['const now = Date.now();', 'Date.now'],
    ['export const clock = Date.now;', 'Date.now'],
    ['const now = new Date();', 'Date'],
    ['const then = new Date(5);', 'Date'],
    ['const text = Date();', 'Date'],
    ['const chance = Math.random();', 'Math.random'],
    ['setTimeout(() => {}, 5);', 'setTimeout'],
    ['const wait = setInterval;', 'setInterval'],
    ['console.log(1);', 'console'],
    ['const started = performance.now();', 'performance'],
    ['const id = crypto.randomUUID();', 'crypto'],
    ['const home = process.env;', 'process'],
    ['globalThis.setTimeout(() => {}, 5);', 'globalThis'],
    ["import { timer } from 'rxjs'; timer(5);", 'timer without a scheduler'],
    ["import { debounceTime } from 'rxjs'; readings.pipe(debounceTime(5));", 'debounceTime without a scheduler'],
    ["import { timestamp } from 'rxjs'; readings.pipe(timestamp());", 'timestamp without a scheduler'],
  ])('%s', (text, word) => {
    expect(faultsIn(text)).toEqual([
      `libs/core/src/rules/a.ts:1 core may not use ${word}: take a time or a clock as an argument`,
    ]);
  });

  it.each([
    ["import { timer } from 'rxjs'; timer(5, clock);"],
    ['const timer = (limit: number) => limit; timer(5);'],
    ['const midnight = Date.UTC(2020, 0, 1);'],
    ['// Date.now() would be wrong here\nconst why = "console.log";'],
    ['const channel = { console: 1 }; channel.console;'],
    ['interface Channel { process: string }'],
  ])('but not %s', (text) => {
    expect(faultsIn(text)).toEqual([]);
  });

  it('but not in a spec, nor outside core', () => {
    expect(faultsIn('const now = Date.now();', 'libs/core/src/rules/a.spec.ts')).toEqual([]);
    expect(faultsIn('const now = Date.now();', 'libs/runtime/src/clock.ts')).toEqual([]);
  });
});

describe('reading the environment is reported', () => {
  const faultsIn = (text: string, path: string) => environmentFaults(filesOf({ [path]: text }));

  it.each([
    ['const port = process.env.PORT;'],
    ["const port = process['env'];"],
    ['const { env } = process;'],
    ["import { env } from 'node:process';"],
  ])('%s', (text) => {
    expect(faultsIn(text, 'apps/broker/src/main.ts')).toEqual([
      'apps/broker/src/main.ts:1 only libs/runtime reads the environment: declare a setting',
    ]);
  });

  it('but not in libs/runtime, tools, tests and the settings of tools', () => {
    for (const path of [
      'libs/runtime/src/settings.ts',
      'tools/a.mjs',
      'tests/a.ts',
      'apps/broker/src/a.spec.ts',
      'vite.config.ts',
    ])
      expect(faultsIn('process.env.PORT', path)).toEqual([]);
    expect(faultsIn('process.exitCode = 1; import.meta.env.DEV;', 'apps/broker/src/main.ts')).toEqual([]);
  });
});

describe('a barrel is reported', () => {
  it.each([
    ["export * from './a.js';\nexport const b = 1;"],
    ["export { a } from './a.js';\nexport type { B } from './b.js';"],
  ])('%s', (text) => {
    expect(barrelFaults(filesOf({ 'libs/core/src/rules/index.ts': text }))).toEqual([
      'libs/core/src/rules/index.ts only hands on: import from the file that defines a thing',
    ]);
  });

  it('but not a file that defines what it exports', () => {
    const text = "import { a } from './a.js';\nexport const b = a;\nexport { a };";
    expect(barrelFaults(filesOf({ 'libs/core/src/rules/index.ts': text, 'libs/core/src/empty.ts': '' }))).toEqual([]);
  });
});
