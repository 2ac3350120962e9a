import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** What a kernel lets a local socket be called, with room to spare (Linux 108, macOS 104). */
const LONGEST_PATH = 100;

/** Where the processor of this data folder answers: a local socket in the folder, or elsewhere by a name made from it where that would be too long. */
export function processorSocket(dataDir: string): string {
  const beside = join(resolve(dataDir), 'processor.sock');
  const name = `canh-${createHash('sha256').update(resolve(dataDir)).digest('hex').slice(0, 16)}`;
  if (process.platform === 'win32') return `\\\\.\\pipe\\${name}`;
  return beside.length <= LONGEST_PATH ? beside : join(tmpdir(), `${name}.sock`);
}
