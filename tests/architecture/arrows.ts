import { posix } from 'node:path';
import { importsOf, type Import } from './syntax.js';
import { isTest, type Fault, type Files } from './source-files.js';

/** In path order: each may import only what stands before it. */
export const CORE_FOLDERS = [
  'time',
  'stations',
  'readings',
  'quality',
  'series',
  'rules',
  'alerts',
  'dispatch',
] as const;

interface MayImport {
  /** Places, with everything in them; `types` where only what disappears at compile time may be taken. */
  readonly places: Readonly<Record<string, 'all' | 'types'>>;
  /** Names of packages, or `'*'`: any that package.json lists under dependencies, but Nest. */
  readonly packages: readonly string[];
  readonly node: boolean;
}

const NEST = /^@nestjs\//;
const CORE = { core: 'all' } as const;
const CORE_TYPES = { core: 'types' } as const;
const EVERYWHERE_IN_CORE = 'core/canh-error';
const APP: MayImport = {
  places: { ...CORE, adapters: 'all', contract: 'all', runtime: 'all' },
  packages: ['*', '@nestjs/*'],
  node: true,
};

/** The allow-list. A place may always import from itself; what is not named here may import nothing. */
const ARROWS: Readonly<Record<string, MayImport>> = {
  [EVERYWHERE_IN_CORE]: { places: {}, packages: [], node: false },
  ...Object.fromEntries(
    CORE_FOLDERS.map((folder, at) => {
      const earlier = [EVERYWHERE_IN_CORE, ...CORE_FOLDERS.slice(0, at).map((name) => `core/${name}`)];
      const places = Object.fromEntries(earlier.map((place) => [place, 'all' as const]));
      return [`core/${folder}`, { places, packages: ['rxjs'], node: false }];
    }),
  ),
  // What a document may say (a duration, a severity) is said once, in core.
  contract: { places: CORE, packages: ['class-validator', 'class-transformer', 'reflect-metadata'], node: false },
  runtime: { places: CORE, packages: ['*', '@nestjs/*'], node: true },
  adapters: { places: CORE, packages: ['*'], node: true },
  // A profile or rule file is a document that a person hands in: it is checked by contract's classes where it is read.
  'adapters/device-catalogue': { places: { ...CORE, contract: 'all' }, packages: ['*'], node: true },
  // One writer a folder is the same promise whatever is written there.
  'adapters/journal-files': { places: { ...CORE, 'adapters/process-lock': 'all' }, packages: ['*'], node: true },
  simulators: { places: CORE, packages: ['*'], node: true },
  'apps/broker': APP,
  'apps/processor': APP,
  'apps/notifier': APP,
  'apps/console': APP,
  // Everything in one process, and the command line.
  'apps/canh': { ...APP, places: { ...APP.places, apps: 'all', simulators: 'all' } },
  // The views are made of core's types. With values, the page would carry core and its validators into the browser.
  'apps/console/web': { places: { ...CORE_TYPES, contract: 'types' }, packages: ['*', 'dev'], node: false },
  // Set-up runs before anything is installed.
  tools: { places: {}, packages: [], node: true },
};

/** Folders in which every folder is a place of its own. */
const PLACES: readonly (readonly [folder: string, place: string, divided: boolean])[] = [
  ['apps/console/web/', 'apps/console/web', false],
  ['apps/', 'apps', true],
  ['libs/core/src/', 'core', true],
  ['libs/adapters/src/', 'adapters', true],
  ['libs/', '', true],
  ['simulators/', 'simulators', false],
  ['tools/', 'tools', false],
  ['tests/', 'tests', false],
];

/** Where a file belongs: `core/rules`, `core/canh-error`, `adapters/records-sql`, `apps/broker`, …; null for what lies at the root. */
export function placeOf(path: string): string | null {
  for (const [folder, place, divided] of PLACES) {
    if (!path.startsWith(folder)) continue;
    const [first, ...more] = path.slice(folder.length).split('/');
    if (!divided || first === undefined) return place;
    const name = more.length === 0 ? first.replace(/\.[a-z]+$/, '') : first;
    return place === '' ? name : `${place}/${name}`;
  }
  return null;
}

type Target = { kind: 'package'; name: string } | { kind: 'node' } | { kind: 'file'; path: string };

function targetOf(specifier: string, importer: string): Target {
  if (specifier.startsWith('node:')) return { kind: 'node' };
  if (specifier.startsWith('.')) return { kind: 'file', path: posix.join(posix.dirname(importer), specifier) };
  const [, library, rest] = /^@canh\/([^/]+)\/(.+)$/.exec(specifier) ?? [];
  if (library !== undefined && rest !== undefined)
    return { kind: 'file', path: library === 'simulators' ? `simulators/src/${rest}` : `libs/${library}/src/${rest}` };
  return {
    kind: 'package',
    name: specifier
      .split('/')
      .slice(0, specifier.startsWith('@') ? 2 : 1)
      .join('/'),
  };
}

/** `apps` covers `apps/broker`; the nearest entry decides. */
function entryFor<T>(place: string, entries: Readonly<Record<string, T>>): T | undefined {
  for (let name = place; name !== ''; name = name.slice(0, Math.max(0, name.lastIndexOf('/')))) {
    const entry = entries[name];
    if (entry !== undefined) return entry;
  }
  return undefined;
}

export interface Packages {
  readonly dependencies: readonly string[];
  readonly devDependencies: readonly string[];
}

function allows({ packages }: MayImport, name: string, listed: Packages): boolean {
  if (packages.includes(name)) return true;
  if (NEST.test(name)) return packages.includes('@nestjs/*') && listed.dependencies.includes(name);
  if (!packages.includes('*')) return false;
  return listed.dependencies.includes(name) || (packages.includes('dev') && listed.devDependencies.includes(name));
}

function faultOf(importer: string, place: string, may: MayImport, taken: Import, listed: Packages): string | null {
  const target = targetOf(taken.specifier, importer);
  if (target.kind === 'node') return may.node ? null : `${place} may not use Node's ${taken.specifier}`;
  if (target.kind === 'package')
    return allows(may, target.name, listed) ? null : `${place} may not import the package ${target.name}`;
  if (isTest(target.path.replace(/\.js$/, '.ts'))) return `${taken.specifier} is a test: only tests may import it`;
  const there = placeOf(target.path);
  if (there === null)
    return taken.atRunTime ? null : `${place} may not import ${taken.specifier}, which lies in no place of the layout`;
  if (there === place) return null;
  const how = entryFor(there, may.places);
  if (how === 'all') return null;
  if (how === 'types')
    return taken.typesOnly ? null : `${place} may import only types from ${there}: write import type`;
  return `${place} may not import ${there}`;
}

/** What goes against the arrows between the folders. Tests may import everything. */
export function arrowFaults(sources: Files, listed: Packages): Fault[] {
  const faults: Fault[] = [];
  for (const [path, text] of sources) {
    const place = placeOf(path);
    if (isTest(path) || place === null) continue;
    const may = entryFor(place, ARROWS);
    if (may === undefined) {
      faults.push(`${path} lies in ${place}, which has no arrows. Give it its place in tests/architecture/arrows.ts`);
      continue;
    }
    for (const taken of importsOf(path, text)) {
      const fault = faultOf(path, place, may, taken, listed);
      if (fault !== null) faults.push(`${path}:${taken.line} ${fault}`);
      else if (taken.atRunTime && taken.specifier.startsWith('@canh/'))
        faults.push(
          `${path}:${taken.line} import() of ${taken.specifier} reaches Node as it is written: use a relative path`,
        );
    }
  }
  return faults;
}

/**
 * Workers of adapters start from source in tests and from dist in service, so nothing that they reach may need the compiler's rewriting
 * of paths: of their own side they take types, and values from files beside them by the names that those have in the source (.ts).
 */
export function workerFaults(sources: Files): Fault[] {
  const faults: Fault[] = [];
  const reached = new Set([...sources.keys()].filter((path) => /^libs\/.*-worker\.ts$/.test(path)));
  for (const path of reached)
    for (const { specifier, typesOnly, line } of importsOf(path, sources.get(path)!)) {
      if (typesOnly || !/^(\.|@canh\/)/.test(specifier)) continue;
      const beside = posix.join(posix.dirname(path), specifier);
      if (sources.has(beside)) reached.add(beside);
      else
        faults.push(
          `${path}:${line} a worker may take only types, or what is named as in the source, from ${specifier}`,
        );
    }
  return faults;
}
