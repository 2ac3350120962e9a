import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const PROJECT = join(import.meta.dirname, '../..');

/** Text files by their path from the project's root: the project itself, or a small made-up one. */
export type Files = ReadonlyMap<string, string>;

export const filesOf = (texts: Readonly<Record<string, string>>): Files => new Map(Object.entries(texts));

const NOT_OURS = new Set(['node_modules', 'dist', 'data', 'coverage', '.git']);

function* pathsUnder(folder: string): Generator<string> {
  for (const entry of readdirSync(join(PROJECT, folder), { withFileTypes: true })) {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (NOT_OURS.has(entry.name) && path !== 'tests/data') continue;
    if (entry.isDirectory()) yield* pathsUnder(path);
    else if (entry.isFile()) yield path;
  }
}

/** Every file of the project that a person wrote, sorted. */
export const projectPaths = (): string[] => [...pathsUnder('')].toSorted();

export const readProjectFile = (path: string): string => readFileSync(join(PROJECT, path), 'utf8');

/** Every program text of the project. */
export function projectSources(): Files {
  const paths = projectPaths().filter((path) => /\.(ts|tsx|mts|mjs|js)$/.test(path) && !path.endsWith('.d.ts'));
  return new Map(paths.map((path) => [path, readProjectFile(path)]));
}

/** Specs, the suites they share, and everything under tests: they may look at all of it, and nothing may lean on them. */
export const isTest = (path: string): boolean => path.startsWith('tests/') || /\.(spec|suite)\.tsx?$/.test(path);

/** Something that a rule of the house does not allow, as `path:line what`. */
export type Fault = string;
