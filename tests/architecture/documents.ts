import { posix } from 'node:path';
import type { Fault } from './source-files.js';

/** Folders that appear by running Canh, not by cloning it. */
const GENERATED = /^(node_modules|dist|data|coverage)(\/|$)/;
const FILE_NAME = /[^/.][^/]*\.(ts|tsx|mjs|js|json|md|yaml|yml|css|html|sql|csv|c)$/;

/** Paths and all folders on the way to them. */
export function withFolders(paths: Iterable<string>): Set<string> {
  const all = new Set<string>();
  for (const path of paths) {
    const parts = path.split('/');
    for (let length = 1; length <= parts.length; length += 1) all.add(parts.slice(0, length).join('/'));
  }
  return all;
}

/** `a/{b,c}` is `a/b` and `a/c`. */
function spelledOut(path: string): string[] {
  const [whole, before, choices, after] = /^([^{]*)\{([^{}]*)\}(.*)$/.exec(path) ?? [];
  if (whole === undefined) return [path];
  return choices!.split(',').flatMap((choice) => spelledOut(`${before!}${choice.trim()}${after!}`));
}

/** What in backticks means a file or a folder of the project: not a topic, a route, a package or a fraction of a unit. */
function isPath(text: string, top: ReadonlySet<string>): boolean {
  if (!/^[\w.@*<>{},…-]+(\/[\w.@*<>{},…-]*)*$/.test(text) || GENERATED.test(text) || text.startsWith('@')) return false;
  if (FILE_NAME.test(text)) return true;
  return text.includes('/') && top.has(text.split('/')[0]!);
}

const escaped = (text: string): string => text.replaceAll(/[\\^$.|?+()[\]{}]/g, String.raw`\$&`);

/** A star, a placeholder in angle brackets and an ellipsis stand for any one name. */
const asPattern = (path: string): RegExp =>
  new RegExp(`(^|/)${escaped(path.replace(/\/$/, '')).replaceAll(/\*+|<[^>]*>|…/g, '[^/]+')}$`);

/**
 * Paths in backticks of a document that the project does not have. A path may be written from the root or from any
 * folder, as long as a file or folder ends so.
 */
export function pathFaults(name: string, text: string, paths: ReadonlySet<string>): Fault[] {
  const top = new Set([...paths].filter((path) => !path.includes('/')));
  const faults: Fault[] = [];
  for (const [at, line] of text.split('\n').entries())
    for (const [, quoted] of line.matchAll(/`([^`]+)`/g)) {
      const path = quoted!.replace(/:\d+$/, '').replace(/^\.\//, '');
      if (!isPath(path, top)) continue;
      for (const one of spelledOut(path)) {
        const pattern = asPattern(one);
        // From its first folder on, a path that begins at the root is meant to begin there.
        const fromRoot = top.has(one.split('/')[0]!);
        const there = [...paths].some((known) => (fromRoot ? pattern.exec(known)?.index === 0 : pattern.test(known)));
        if (!there) faults.push(`${name}:${at + 1} names ${one}, which is not there`);
      }
    }
  return faults;
}

/** Relative links of a document to what the project does not have. */
export function linkFaults(name: string, text: string, paths: ReadonlySet<string>): Fault[] {
  const faults: Fault[] = [];
  for (const [at, line] of text.split('\n').entries())
    for (const [, link] of line.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^(https?:|mailto:|#)/.test(link!)) continue;
      const path = posix.join(posix.dirname(name), link!.replace(/#.*$/, '')).replace(/\/$/, '');
      if (!paths.has(path)) faults.push(`${name}:${at + 1} links to ${link!}, which is not there`);
    }
  return faults;
}

/** Names of settings in a document that no settings class declares. */
export function settingNameFaults(name: string, text: string, declared: ReadonlySet<string>): Fault[] {
  const faults: Fault[] = [];
  for (const [at, line] of text.split('\n').entries())
    for (const [setting] of line.matchAll(/\bCANH_[A-Z0-9]+(_[A-Z0-9]+)*\b(?!_)/g))
      if (!declared.has(setting))
        faults.push(`${name}:${at + 1} names the setting ${setting}, which no settings class declares`);
  return faults;
}

interface NestCli {
  readonly projects: Readonly<Record<string, { readonly root: string; readonly sourceRoot: string }>>;
}

/** `nest-cli.json` names every app and library, and nothing else. */
export function nestCliFaults({ projects }: NestCli, paths: ReadonlySet<string>): Fault[] {
  const there = [...paths].filter((path) => /^(apps|libs)\/[^/]+$/.test(path) || path === 'simulators');
  const named = Object.values(projects).map(({ root }) => root);
  return [
    ...there.filter((path) => !named.includes(path)).map((path) => `nest-cli.json does not name ${path}`),
    ...Object.entries(projects)
      .filter(([, { root, sourceRoot }]) => !paths.has(root) || !paths.has(sourceRoot))
      .map(([name]) => `nest-cli.json names ${name}, whose folder is not there`),
  ];
}
