import { readFile, stat } from 'node:fs/promises';
import { Document, isNode, LineCounter, parseDocument, visit, type ParsedNode } from 'yaml';
import type { Problem } from '@canh/contract/document';

/** Ten times the largest file that people write here. */
const MAX_BYTES = 256 * 1_024;
/** Twice what the deepest document here has; the library counts a map's pairs as a step of their own. */
const MAX_DEPTH = 32;

/** A problem in a file, and the line that a person should look at; null for the file itself. */
export interface FileProblem extends Problem {
  readonly line: number | null;
}

/** One YAML file as plain data, and the way from a path in it back to its line. */
export type YamlFile =
  | { readonly ok: true; readonly plain: unknown; lineOf(path: Problem['path']): number | null }
  | { readonly ok: false; readonly problems: readonly FileProblem[] };

/**
 * Reads a file of YAML 1.2 (core schema), and refuses what a document of settings does not need and a hostile one uses:
 * aliases, tags, a key twice, several documents, hundreds of kilobytes.
 */
export async function readYamlFile(file: string): Promise<YamlFile> {
  const bytes = await bytesOf(file);
  if (typeof bytes === 'string') return refused(bytes);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return refused('is not UTF-8; save it in that encoding');
  }
  const lines = new LineCounter();
  const lineAt = (position: number): number => lines.linePos(position).line;
  try {
    const document = parseDocument(text, {
      version: '1.2',
      schema: 'core',
      resolveKnownTags: false,
      stringKeys: true,
      lineCounter: lines,
      prettyErrors: false,
    });
    const problems = [
      ...[...document.errors, ...document.warnings].map(({ message, pos }) => ({
        path: [],
        line: lineAt(pos[0]),
        says: `is no valid YAML: ${message}`,
      })),
      ...unwelcomeIn(document).map(({ position, says }) => ({ path: [], line: lineAt(position), says })),
    ];
    if (problems.length > 0) return { ok: false, problems };
    return {
      ok: true,
      plain: document.toJS({ maxAliasCount: 0 }),
      lineOf: (path) => positionOf(document, path, lineAt),
    };
  } catch (error) {
    // Brackets nested by the thousand exhaust the parser's stack.
    return refused(`cannot be read as YAML (${(error as Error).message})`);
  }
}

const refused = (says: string): YamlFile => ({ ok: false, problems: [{ path: [], line: null, says }] });

async function bytesOf(file: string): Promise<Uint8Array | string> {
  try {
    const { size } = await stat(file);
    return size > MAX_BYTES ? `has ${size} bytes, at most ${MAX_BYTES} are read` : await readFile(file);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' ? 'is missing' : `cannot be read (${message})`;
  }
}

/** What is valid YAML and yet not for here: text that is elsewhere, and more brackets than those who check it should follow. */
function unwelcomeIn(document: Document.Parsed): { position: number; says: string }[] {
  const found: { position: number; says: string }[] = [];
  visit(document, {
    Alias: (_key, { range }) => {
      found.push({ position: range?.[0] ?? 0, says: 'uses an alias (*); write the text out' });
    },
    Collection: (_key, { range }, around) => {
      if (around.length <= MAX_DEPTH) return undefined;
      found.push({ position: range?.[0] ?? 0, says: 'nests too deep; nothing here needs that' });
      return visit.BREAK;
    },
  });
  return found;
}

/** The line of the field itself, or of the nearest thing around it that the file does have. */
function positionOf(
  document: Document.Parsed<ParsedNode>,
  path: Problem['path'],
  lineAt: (position: number) => number,
): number | null {
  for (let steps = path.length; steps >= 0; steps -= 1) {
    const node = steps === 0 ? document.contents : document.getIn(path.slice(0, steps), true);
    if (isNode(node) && node.range) return lineAt(node.range[0]);
  }
  return null;
}
