import type { Fault } from './decode-telemetry.js';

/** JSON takes the last of two values under one name, and says nothing: what stood before it arrived, and would disappear without a trace. `read`: of so many names it is known that `value` has them. */
export function repeatedNames(text: string, value: unknown, read: number): Fault[] {
  // Each name is followed by a colon; only where there are more of them, in strings or behind names that were lost, is it worth a closer look.
  const colons = colonsIn(text);
  return colons === read || colons === namesIn(value) ? [] : namedAgain(text);
}

function colonsIn(text: string): number {
  let colons = 0;
  for (let at = text.indexOf(':'); at !== -1; at = text.indexOf(':', at + 1)) colons += 1;
  return colons;
}

function namesIn(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  if (Array.isArray(value)) return value.reduce((names: number, element) => names + namesIn(element), 0);
  return Object.values(value).reduce((names: number, within) => names + 1 + namesIn(within), 0);
}

const STRINGS_AND_BRACKETS = /"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?|[{}]/g;

function namedAgain(text: string): Fault[] {
  const faults: Fault[] = [];
  const open: Set<string>[] = [];
  for (const [token, colon] of text.matchAll(STRINGS_AND_BRACKETS))
    if (token === '{') open.push(new Set());
    else if (token === '}') open.pop();
    else if (colon !== undefined) {
      const name = JSON.parse(token.slice(0, -colon.length)) as string;
      const names = open.at(-1)!;
      if (names.has(name))
        faults.push({
          reason: 'wrong-shape',
          detail: `"${name.slice(0, 80)}" stands more than once in one object; only what comes last under it is read`,
        });
      names.add(name);
    }
  return faults;
}
