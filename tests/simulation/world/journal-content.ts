import { crc32c } from '@node-rs/crc32';
import type { SimulatedDisk } from './disk.js';

/** One whole frame of the journal, read without the product's own reader. */
export interface Kept {
  readonly offset: number;
  readonly senderId: string;
  readonly kind: number;
  readonly receivedAt: number;
  readonly payload: Buffer;
}

export interface JournalContent {
  /** Everything that is there at the end of the run, or was until it was let go of; in order. */
  readonly kept: readonly Kept[];
  /** What somebody had read before the power went, and was gone after it. */
  readonly phantoms: readonly Kept[];
  /** Behind the last of it. */
  readonly end: number;
}

const HEAD_BYTES = 12;
const SPAN = 2 ** 32;

export function journalOf(disk: SimulatedDisk): JournalContent {
  const frames = new Map<number, Kept>();
  let end = 0;
  for (const { name, bytes } of [...disk.removed, ...disk.atRest()])
    for (const { frame, behind } of framesOf(name, bytes)) {
      frames.set(frame.offset, frame);
      end = Math.max(end, behind);
    }
  const phantoms = new Map<number, Kept>();
  for (const { name, read } of disk.lost)
    for (const { frame } of framesOf(name, read)) {
      const now = frames.get(frame.offset);
      if (now === undefined || !now.payload.equals(frame.payload)) phantoms.set(frame.offset, frame);
    }
  const inOrder = (all: Iterable<Kept>): Kept[] => [...all].toSorted((a, b) => a.offset - b.offset);
  return { kept: inOrder(frames.values()), phantoms: inOrder(phantoms.values()), end };
}

function* framesOf(name: string, bytes: Buffer): Iterable<{ frame: Kept; behind: number }> {
  if (bytes.length < HEAD_BYTES || bytes.toString('latin1', 0, 8) !== 'CANHJRN1') return;
  const segment = Number(name.slice(0, 10)) * SPAN;
  const salt = bytes.readUInt32LE(8);
  let at = HEAD_BYTES;
  while (at + 16 <= bytes.length) {
    const length = bytes.readUInt32LE(at);
    const from = at + 8;
    const to = from + length;
    if (length < 8 || to > bytes.length || crc32c(bytes.subarray(from, to), salt) !== bytes.readUInt32LE(at + 4)) {
      // Behind a hole that a power cut left there may be more.
      at += 1;
      continue;
    }
    const idBytes = bytes[from + 7]!;
    const frame = {
      offset: segment + at,
      receivedAt: bytes.readUIntLE(from, 6),
      kind: bytes[from + 6]!,
      senderId: bytes.toString('utf8', from + 8, from + 8 + idBytes),
      payload: bytes.subarray(from + 8 + idBytes, to),
    };
    yield { frame, behind: segment + to };
    at = to;
  }
}
