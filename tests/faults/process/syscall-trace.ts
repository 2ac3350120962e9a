import { readFileSync } from 'node:fs';

/**
 * One system call as strace saw it. `entered` and `returned` are line numbers of the trace: of two calls in different threads the one that
 * returned on an earlier line than the other was entered on had returned before.
 */
export interface Call {
  readonly name: string;
  readonly entered: number;
  readonly returned: number;
  /** What the file descriptor stands for, as `-yy` writes it: a path, or `TCP:[…]`. */
  readonly file: string;
  /** All bytes that are handed over, as far as strace shows them. */
  readonly bytes: Buffer;
  readonly result: number;
}

/** What to run a program under, so that `readTrace` can read what it did. `-D`: the program keeps its own process id, and signals reach it. */
export const straceTo = (file: string): readonly string[] => [
  'strace',
  '-D',
  '-f',
  '-qq',
  '-yy',
  '-xx',
  '-s',
  '65536',
  '--seccomp-bpf',
  '-e',
  'trace=fdatasync,fsync,write,writev,sendto,sendmsg,pwrite64,pwritev,pwritev2,openat,close',
  '-e',
  'signal=none',
  '-o',
  file,
];

const LINE = /^(\d+) +(.*)$/;
const RESUMED = /^<\.\.\. (\w+) resumed>(.*)$/;
const UNFINISHED = ' <unfinished ...>';
const CALL = /^(\w+)\((.*)\) += (-?\d+|\?)/s;

/** The calls of a trace, in the order in which they returned. */
export function readTrace(file: string): Call[] {
  const calls: Call[] = [];
  const begun = new Map<string, { text: string; at: number }>();
  for (const [at, line] of readFileSync(file, 'latin1').split('\n').entries()) {
    const [, thread = '', said = ''] = LINE.exec(line) ?? [];
    if (thread === '') continue;
    if (said.endsWith(UNFINISHED)) {
      begun.set(thread, { text: said.slice(0, -UNFINISHED.length), at });
      continue;
    }
    const resumed = RESUMED.exec(said);
    const start = resumed === null ? undefined : begun.get(thread);
    if (start !== undefined) begun.delete(thread);
    const call = callOf((start?.text ?? '') + (resumed?.[2] ?? said), start?.at ?? at, at);
    if (call !== null) calls.push(call);
  }
  return calls;
}

function callOf(text: string, entered: number, returned: number): Call | null {
  const [, name = '', args = '', result = ''] = CALL.exec(text) ?? [];
  if (name === '') return null;
  const bytes = [...args.matchAll(/"((?:\\x[0-9a-f]{2})*)"/g)].map(([, hex = '']) =>
    Buffer.from(hex.replaceAll('\\x', ''), 'hex'),
  );
  const [, file = ''] = /^\d+<(.*?)>(?:,|$| )/s.exec(args) ?? [];
  return {
    name,
    entered,
    returned,
    file: plain(file),
    bytes: Buffer.concat(bytes),
    result: result === '?' ? -1 : Number(result),
  };
}

/** `-xx` writes paths in hex, too. */
const plain = (name: string): string =>
  name.replace(/\\x([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
