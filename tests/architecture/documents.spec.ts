import { describe, expect, it } from 'vitest';
import { linkFaults, nestCliFaults, pathFaults, settingNameFaults, withFolders } from './documents.js';
import { projectPaths, readProjectFile } from './source-files.js';

const paths = withFolders(projectPaths());

describe('the project', () => {
  it.each(['ARCHITECTURE.md', 'README.md', 'CONTRIBUTING.md'])('%s names only paths that are there', (document) => {
    expect(pathFaults(document, readProjectFile(document), paths)).toEqual([]);
  });

  it('has no dead link in its documents', () => {
    const documents = projectPaths().filter((path) => path.endsWith('.md') && !path.startsWith('tests/data/'));
    expect(documents.flatMap((path) => linkFaults(path, readProjectFile(path), paths))).toEqual([]);
  });

  it('has every app and library in nest-cli.json', () => {
    expect(nestCliFaults(JSON.parse(readProjectFile('nest-cli.json')), paths)).toEqual([]);
  });
});

describe('a path that is not there is reported', () => {
  const known = withFolders([
    'libs/core/src/rules/rule.ts',
    'libs/core/src/time/instant.ts',
    'vitest.config.ts',
    'apps/broker/src/main.ts',
  ]);
  const faultsIn = (text: string) => pathFaults('A.md', text, known);

  it.each([
    ['a file', 'See `libs/core/src/rules/gone.ts`.', 'libs/core/src/rules/gone.ts'],
    ['a folder', 'See `libs/gone/`.', 'libs/gone/'],
    ['a file at the root', 'See `webpack.config.ts`.', 'webpack.config.ts'],
    ['a file in no known folder', 'See `lib/core/rule.ts`.', 'lib/core/rule.ts'],
    ['a file named from halfway', 'See `rules/gone.ts`.', 'rules/gone.ts'],
    ['a root folder that is only inside another', 'See `apps/rules`.', 'apps/rules'],
    ['one of several', 'See `libs/core/src/{rules,gone}`.', 'libs/core/src/gone'],
    ['any of a kind', 'See `libs/*/gone.ts`.', 'libs/*/gone.ts'],
  ])('%s', (_story, text, path) => {
    expect(faultsIn(text)).toEqual([`A.md:1 names ${path}, which is not there`]);
  });

  it.each([
    ['`libs/core/src/rules/rule.ts:12`, `libs/core/`, `vitest.config.ts`, `rules/rule.ts`, `rule.ts`'],
    ['`libs/core/src/{rules,time}`, `libs/*/src`, `libs/core/src/<folder>/*.ts`, `apps/…/src/main.ts`'],
    ['`v1/devices/me/telemetry`, `/api/docs`, `@nestjs/core`, `ug/m3`, `text/event-stream`, `npm run check`'],
    ['`.js`, `dist/apps/canh`, `node_modules/node`, `data/journal`, and libs/gone without backticks'],
  ])('but not %s', (text) => {
    expect(faultsIn(text)).toEqual([]);
  });

  it('with its line', () => {
    expect(faultsIn('one\ntwo `libs/gone`')).toEqual(['A.md:2 names libs/gone, which is not there']);
  });
});

describe('a dead link is reported', () => {
  const known = withFolders(['README.md', 'devices/README.md', 'docs/console.png']);

  it('by its target, seen from the document', () => {
    const text = '![a](docs/gone.png)\n[b](../docs/console.png)';
    expect(linkFaults('README.md', text, known)).toEqual([
      'README.md:1 links to docs/gone.png, which is not there',
      'README.md:2 links to ../docs/console.png, which is not there',
    ]);
  });

  it('but not a live one, an anchor or the web', () => {
    const text = '[a](../docs/console.png) [b](#c) [d](README.md#e) [f](https://example.org/x) [g](../devices/)';
    expect(linkFaults('devices/README.md', text, known)).toEqual([]);
  });
});

describe('a setting that is not declared is reported', () => {
  const declared = new Set(['CANH_HTTP_PORT', 'CANH_SMTP_URL']);

  it('by its name and line', () => {
    expect(settingNameFaults('A.md', 'a\n`CANH_HTTP_PROT` and CANH_HTTP_PORT', declared)).toEqual([
      'A.md:2 names the setting CANH_HTTP_PROT, which no settings class declares',
    ]);
  });

  it('but not a family of them', () => {
    expect(settingNameFaults('A.md', '`CANH_SMTP_URL`, `CANH_SMTP_*`, `CANH_…`', declared)).toEqual([]);
  });
});

describe('a gap in nest-cli.json is reported', () => {
  const project = (root: string) => ({ root, sourceRoot: `${root}/src` });
  const known = withFolders(['apps/broker/src/main.ts', 'libs/core/src/a.ts', 'simulators/src/a.ts']);

  it('for a folder without a name and a name without a folder', () => {
    const projects = { broker: project('apps/broker'), gone: project('apps/gone'), core: project('libs/core') };
    expect(nestCliFaults({ projects }, known)).toEqual([
      'nest-cli.json does not name simulators',
      'nest-cli.json names gone, whose folder is not there',
    ]);
  });
});
