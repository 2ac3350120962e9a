import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { arrowFaults, CORE_FOLDERS, placeOf, workerFaults, type Packages } from './arrows.js';
import { filesOf, PROJECT, projectSources, readProjectFile } from './source-files.js';

const manifest = JSON.parse(readProjectFile('package.json')) as Record<
  'dependencies' | 'devDependencies',
  Record<string, string>
>;
const listed: Packages = {
  dependencies: Object.keys(manifest.dependencies),
  devDependencies: Object.keys(manifest.devDependencies),
};

describe('the project', () => {
  it('imports along the arrows only', () => {
    expect(arrowFaults(projectSources(), listed)).toEqual([]);
  });

  it('keeps the workers of its adapters leaves', () => {
    expect(workerFaults(projectSources())).toEqual([]);
  });

  it('has the folders of core that the path has', () => {
    const folders = readdirSync(join(PROJECT, 'libs/core/src'), { withFileTypes: true }).filter((entry) =>
      entry.isDirectory(),
    );
    expect(folders.map(({ name }) => name).toSorted()).toEqual(CORE_FOLDERS.toSorted());
  });
});

const packages: Packages = {
  dependencies: ['rxjs', 'pino', 'class-validator', '@nestjs/common', '@influxdata/influxdb-client'],
  devDependencies: ['react', 'vitest'],
};

const faultsIn = (path: string, text: string) => arrowFaults(filesOf({ [path]: text }), packages);

describe('an arrow the wrong way is reported', () => {
  it.each([
    [
      'core on a later folder',
      'libs/core/src/rules/rule.ts',
      "import { a } from '../alerts/alert.js'",
      'core/rules may not import core/alerts',
    ],
    [
      'core on a later folder, types too',
      'libs/core/src/time/instant.ts',
      "import type { R } from '../readings/reading.js'",
      'core/time may not import core/readings',
    ],
    [
      'core through the alias',
      'libs/core/src/time/instant.ts',
      "import '@canh/core/dispatch/plan'",
      'core/time may not import core/dispatch',
    ],
    [
      'the ground of core on a folder',
      'libs/core/src/canh-error.ts',
      "import './time/instant.js'",
      'core/canh-error may not import core/time',
    ],
    [
      'core on Node',
      'libs/core/src/time/instant.ts',
      "import { hrtime } from 'node:process'",
      "core/time may not use Node's node:process",
    ],
    [
      'core on a library',
      'libs/core/src/rules/rule.ts',
      "import { pino } from 'pino'",
      'core/rules may not import the package pino',
    ],
    [
      'core on an adapter',
      'libs/core/src/rules/rule.ts',
      "export { x } from '@canh/adapters/records-sql/x'",
      'core/rules may not import adapters/records-sql',
    ],
    [
      'a folder of core that nobody ordered',
      'libs/core/src/misc/x.ts',
      '',
      'libs/core/src/misc/x.ts lies in core/misc, which has no arrows. Give it its place in tests/architecture/arrows.ts',
    ],
    [
      'a library that nobody placed',
      'libs/utils/src/x.ts',
      '',
      'libs/utils/src/x.ts lies in utils, which has no arrows. Give it its place in tests/architecture/arrows.ts',
    ],
    [
      'contract on runtime',
      'libs/contract/src/a.dto.ts',
      "import { S } from '@canh/runtime/settings'",
      'contract may not import runtime',
    ],
    [
      'an adapter on contract',
      'libs/adapters/src/records-sql/a.ts',
      "import type { V } from '@canh/contract/views.dto'",
      'adapters/records-sql may not import contract',
    ],
    [
      'an adapter on runtime',
      'libs/adapters/src/records-sql/a.ts',
      "import { log } from '@canh/runtime/log'",
      'adapters/records-sql may not import runtime',
    ],
    [
      'an adapter on another',
      'libs/adapters/src/records-sql/a.ts',
      "import { f } from '../journal-files/frame.js'",
      'adapters/records-sql may not import adapters/journal-files',
    ],
    [
      'an adapter on Nest',
      'libs/adapters/src/records-sql/a.ts',
      "import { Injectable } from '@nestjs/common'",
      'adapters/records-sql may not import the package @nestjs/common',
    ],
    [
      'contract on Nest',
      'libs/contract/src/a.dto.ts',
      "import { ApiProperty } from '@nestjs/common'",
      'contract may not import the package @nestjs/common',
    ],
    [
      'runtime on an adapter',
      'libs/runtime/src/a.ts',
      "import x = require('@canh/adapters/records-sql/x')",
      'runtime may not import adapters/records-sql',
    ],
    [
      'an app on another',
      'apps/broker/src/main.ts',
      "import { P } from '../../processor/src/path.js'",
      'apps/broker may not import apps/processor',
    ],
    [
      'an app on another, as a worker',
      'apps/broker/src/main.ts',
      "new URL('../../processor/src/main.js', import.meta.url)",
      'apps/broker may not import apps/processor',
    ],
    [
      'an app on another, late',
      'apps/broker/src/main.ts',
      "await import('../../processor/src/main.js')",
      'apps/broker may not import apps/processor',
    ],
    [
      'an app on another, by the type alone',
      'apps/broker/src/main.ts',
      "type P = import('../../processor/src/path.js').Path",
      'apps/broker may not import apps/processor',
    ],
    [
      'an app on all of them',
      'apps/broker/src/main.ts',
      "import '../../canh/src/main.js'",
      'apps/broker may not import apps/canh',
    ],
    [
      'an app on the simulators',
      'apps/broker/src/main.ts',
      "import '@canh/simulators/fleet'",
      'apps/broker may not import simulators',
    ],
    [
      'the simulators on an adapter',
      'simulators/src/fleet.ts',
      "import '@canh/adapters/journal-files/frame'",
      'simulators may not import adapters/journal-files',
    ],
    [
      'the simulators on an app',
      'simulators/src/fleet.ts',
      "import '../../apps/broker/src/main.js'",
      'simulators may not import apps/broker',
    ],
    [
      'the page on values of contract',
      'apps/console/web/src/a.ts',
      "import { SignIn } from '@canh/contract/commands.dto'",
      'apps/console/web may import only types from contract: write import type',
    ],
    [
      'the page on values of core',
      'apps/console/web/src/a.ts',
      "import { type A, b } from '@canh/core/alerts/alert'",
      'apps/console/web may import only types from core/alerts: write import type',
    ],
    [
      'the page on its server',
      'apps/console/web/src/a.ts',
      "import type { C } from '../../src/console.module.js'",
      'apps/console/web may not import apps/console',
    ],
    [
      'the page on Node',
      'apps/console/web/src/a.ts',
      "import { join } from 'node:path'",
      "apps/console/web may not use Node's node:path",
    ],
    ['the tools on a package', 'tools/ready.mjs', "import 'pino'", 'tools may not import the package pino'],
    [
      'anything on a test',
      'apps/broker/src/main.ts',
      "import { s } from './broker.suite.js'",
      './broker.suite.js is a test: only tests may import it',
    ],
    [
      'anything on the tests',
      'libs/runtime/src/a.ts',
      "import { s } from '../../../tests/support/s.js'",
      '../../../tests/support/s.js is a test: only tests may import it',
    ],
    [
      'a package that is there for development only',
      'apps/broker/src/main.ts',
      "import 'vitest'",
      'apps/broker may not import the package vitest',
    ],
    [
      'a package that is not in package.json',
      'libs/adapters/src/x/a.ts',
      "import 'fastify/types'",
      'adapters/x may not import the package fastify',
    ],
    [
      'the alias where only Node sees it',
      'apps/canh/src/main.ts',
      "await import('@canh/simulators/fleet')",
      'import() of @canh/simulators/fleet reaches Node as it is written: use a relative path',
    ],
  ])('%s', (_story, path, text, fault) => {
    const expected = text === '' ? fault : `${path}:1 ${fault}`;
    expect(faultsIn(path, text)).toEqual([expected]);
  });

  it('with the line on which it stands', () => {
    expect(
      faultsIn('libs/core/src/time/a.ts', "// first\nimport { b } from 'rxjs';\n\nimport fs from 'node:fs';"),
    ).toEqual(["libs/core/src/time/a.ts:4 core/time may not use Node's node:fs"]);
  });

  it('in a worker, or in what it takes, that takes values by a name that only the compiler finds', () => {
    const worker =
      "import { Worker } from 'node:worker_threads';\nimport type { A } from '@canh/core/a';\nimport { b } from './b.js';\nimport { c } from './c.ts';";
    const sources = filesOf({
      'libs/adapters/src/x/x-worker.ts': worker,
      'libs/adapters/src/x/c.ts': "import { a } from '@canh/core/a';",
    });
    expect(workerFaults(sources)).toEqual([
      'libs/adapters/src/x/x-worker.ts:3 a worker may take only types, or what is named as in the source, from ./b.js',
      'libs/adapters/src/x/c.ts:1 a worker may take only types, or what is named as in the source, from @canh/core/a',
    ]);
  });
});

describe('an arrow the right way is let through', () => {
  it.each([
    [
      'core on earlier folders and RxJS',
      'libs/core/src/rules/a.ts',
      "import { x } from '../time/x.js'; import '../canh-error.js'; import { map } from 'rxjs/operators'",
    ],
    [
      'a spec of core on anything',
      'libs/core/src/time/a.spec.ts',
      "import { it } from 'vitest'; import '../alerts/alert.js'; import 'node:fs'",
    ],
    [
      'the catalogue of devices on contract',
      'libs/adapters/src/device-catalogue/a.ts',
      "import { check } from '@canh/contract/document'",
    ],
    [
      'an adapter on core and its library',
      'libs/adapters/src/series-influx/a.ts',
      "import { P } from '@canh/core/series/x'; import { Point } from '@influxdata/influxdb-client'; import 'node:fs'",
    ],
    [
      'the process of all parts on the parts',
      'apps/canh/src/main.ts',
      "import '../../broker/src/broker.module.js'; import '@canh/simulators/fleet'",
    ],
    ['an app on a folder it serves', 'apps/console/src/main.ts', "new URL('../static/', import.meta.url)"],
    [
      'the page on types',
      'apps/console/web/src/a.ts',
      "import type { V } from '@canh/contract/views.dto'; import { type A } from '@canh/core/alerts/alert'; import 'react'",
    ],
    [
      'text that only looks like an import',
      'libs/core/src/time/a.ts',
      "// import 'node:fs'\nconst help = \"import x from 'node:fs'\";",
    ],
  ])('%s', (_story, path, text) => {
    expect(faultsIn(path, text)).toEqual([]);
  });

  it('knows the place of every file by its folder', () => {
    expect(
      [
        'libs/core/src/canh-error.ts',
        'libs/core/src/rules/a.ts',
        'libs/adapters/src/records-sql/migrations/1.ts',
        'apps/console/web/src/a/b.tsx',
        'vitest.config.ts',
      ].map(placeOf),
    ).toEqual(['core/canh-error', 'core/rules', 'adapters/records-sql', 'apps/console/web', null]);
  });
});
