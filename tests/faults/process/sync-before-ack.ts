import { dirname } from 'node:path';
import type { Call } from './syscall-trace.js';

/** A message on its way to disk, and the answer that its sender was given. */
export interface Answered {
  readonly what: string;
  /** Bytes that stand in this message and in no other. */
  readonly marker: string;
  /** The line on which writing its PUBACK or its 200 was begun; null: there was none. */
  readonly answeredAt: number | null;
}

/**
 * What the trace says against "acknowledged is on disk"; empty when all is well. For every message: a write of it into a segment of the journal had
 * returned, then an fdatasync of that segment was begun and returned 0, and an fsync of the folder since the segment was made; only then
 * was the answer begun. A message that is not in the trace at all counts against it, too.
 */
export function answeredTooEarly(trace: readonly Call[], journalDir: string, answers: readonly Answered[]): string[] {
  const segments = trace.filter(({ file }) => dirname(file) === journalDir && file.endsWith('.log'));
  const writes = segments.filter(({ name }) => /^p?write(64|v2?)?$/.test(name));
  const syncs = segments.filter(({ name, result }) => name === 'fdatasync' && result === 0);
  const folderSyncs = trace.filter(({ name, file, result }) => name === 'fsync' && file === journalDir && result === 0);
  const found: string[] = [];
  for (const { what, marker, answeredAt } of answers) {
    const bytes = Buffer.from(marker);
    const written = writes.find((write) => write.bytes.subarray(0, write.result).includes(bytes));
    const synced = syncs.find((sync) => written?.file === sync.file && sync.entered > written.returned);
    const created = segments.find((call) => call.file === written?.file);
    const named = folderSyncs.find((sync) => created !== undefined && sync.entered > created.returned);
    if (answeredAt === null) found.push(`${what} was never answered`);
    else if (written === undefined || written.returned > answeredAt)
      found.push(`${what} was answered before it was written`);
    else if (synced === undefined || synced.returned > answeredAt)
      found.push(
        `${what} was answered on line ${answeredAt}, its fdatasync had returned on line ${synced?.returned ?? 'none'}`,
      );
    else if (named === undefined || named.returned > answeredAt)
      found.push(`${what} was answered before its segment had a name on disk`);
  }
  return found;
}

/** For each connection of this port what the server wrote, with the line on which each byte was handed to the kernel. */
function streamsOf(trace: readonly Call[], port: number): { bytes: Buffer; lineAt: (position: number) => number }[] {
  const byFile = new Map<string, Call[]>();
  for (const call of trace)
    if (/^(write|writev|sendto|sendmsg)$/.test(call.name) && call.file.includes(`:${port}->`) && call.result > 0)
      byFile.set(call.file, [...(byFile.get(call.file) ?? []), call]);
  return [...byFile.values()].map((calls) => {
    const parts = calls.map(({ bytes, result }) => bytes.subarray(0, result));
    const lineAt = (position: number): number => {
      let end = 0;
      const at = parts.findIndex((part) => (end += part.length) > position);
      return calls[at]?.entered ?? -1;
    };
    return { bytes: Buffer.concat(parts), lineAt };
  });
}

/** On which line the PUBACK of each packet id was begun; a packet id must not be used twice in the trace. */
export function pubacks(trace: readonly Call[], port: number): Map<number, number> {
  const found = new Map<number, number>();
  for (const { bytes, lineAt } of streamsOf(trace, port))
    for (let at = 0; at + 1 < bytes.length; at += 2 + bytes[at + 1]!)
      if (bytes[at] === 0x40) found.set(bytes.readUInt16BE(at + 2), lineAt(at));
  return found;
}

/** On which lines answers with 200 were begun, in order. */
export function okAnswers(trace: readonly Call[], port: number): number[] {
  const lines: number[] = [];
  for (const { bytes, lineAt } of streamsOf(trace, port))
    for (let at = bytes.indexOf('HTTP/1.1 200'); at >= 0; at = bytes.indexOf('HTTP/1.1 200', at + 1))
      lines.push(lineAt(at));
  return lines.toSorted((one, other) => one - other);
}
