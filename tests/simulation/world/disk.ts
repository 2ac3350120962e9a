import type { SegmentFile, SegmentFolder } from '@canh/adapters/journal-files/segment-folder';
import type { Chance } from './chance.js';
import { WORLD, type Owner, type VirtualTime } from './virtual-time.js';

const PAGE_BYTES = 512;

/** Bytes of a file as programs see them, and as the disk has them. */
class Inode {
  seen = Buffer.alloc(0);
  durable = Buffer.alloc(0);
  /** Written and not yet on disk, in the order of writing. */
  dirty: { from: number; to: number }[] = [];
  /** How far anybody has ever read. */
  readUpTo = 0;
  /** It was cut to this size, and the disk does not know. */
  private cutTo: number | null = null;

  modifiedAt: number;

  constructor(
    readonly name: string,
    private readonly time: VirtualTime,
  ) {
    this.modifiedAt = time.wall();
  }

  write(bytes: Uint8Array, at: number): void {
    this.modifiedAt = this.time.wall();
    if (at + bytes.length > this.seen.length) {
      const larger = Buffer.alloc(at + bytes.length);
      this.seen.copy(larger);
      this.seen = larger;
    }
    this.seen.set(bytes, at);
    this.dirty.push({ from: at, to: at + bytes.length });
  }

  truncate(size: number): void {
    this.modifiedAt = this.time.wall();
    this.seen = Buffer.from(this.seen.subarray(0, size));
    this.cutTo = size;
    this.dirty = this.dirty
      .map(({ from, to }) => ({ from, to: Math.min(to, size) }))
      .filter(({ from, to }) => from < to);
  }

  /** Those bytes reach the disk. */
  keep(from: number, to: number): void {
    if (to > this.durable.length) {
      const larger = Buffer.alloc(to);
      this.durable.copy(larger);
      this.durable = larger;
    }
    this.seen.copy(this.durable, from, from, to);
  }

  sync(): void {
    if (this.cutTo !== null) this.durable = Buffer.from(this.durable.subarray(0, this.cutTo));
    this.cutTo = null;
    for (const { from, to } of this.dirty) this.keep(from, to);
    this.dirty = [];
  }
}

type NameChange = { readonly kind: 'created' | 'removed'; readonly name: string; readonly inode: Inode };

/** How a file stands at the end of a run, or stood when it was removed. */
export interface FileAtRest {
  readonly name: string;
  readonly bytes: Buffer;
}

/** What a machine that lost its power took with it: what programs had read of a file. */
export interface Lost {
  readonly name: string;
  readonly read: Buffer;
}

/**
 * The disk under the journal. What was written and not synced is seen by everybody on the machine, survives the death of a process, and is
 * lost with the power, but for what the kernel happened to have written back. A sync that fails loses what it should have kept: the
 * pages count as clean afterwards, and no later sync writes them.
 */
export class SimulatedDisk {
  full = false;
  /** So many of the next syncs fail. */
  syncsToFail = 0;
  slowMs = 0;
  powerCuts = 0;
  readonly removed: FileAtRest[] = [];
  readonly lost: Lost[] = [];
  /** Called before and after each write and sync. */
  happened: (what: string, owner: Owner) => void = () => undefined;

  private readonly files = new Map<string, Inode>();
  private unsynced: NameChange[] = [];

  constructor(
    private readonly time: VirtualTime,
    private readonly chance: Chance,
  ) {}

  /** The folder as one process has it. */
  folder(owner: Owner): SegmentFolder {
    return {
      path: '/simulated/journal',
      names: () => this.do(owner, 'names', 0, () => [...this.files.keys()]),
      open: (name) => this.do(owner, 'open', 0, () => this.handle(owner, this.files.get(name))),
      create: (name) => this.do(owner, `create ${name}`, 0.3, () => this.handle(owner, this.create(name))!),
      size: (name) => this.do(owner, 'size', 0, () => this.files.get(name)?.seen.length ?? null),
      modifiedAt: (name) => this.do(owner, 'modified at', 0, () => this.files.get(name)?.modifiedAt ?? null),
      remove: (name) => this.do(owner, `remove ${name}`, 0.3, () => this.remove(name)),
      sync: () => this.do(owner, 'sync folder', 1, () => this.syncNames()),
    };
  }

  /** The power goes, and comes back: what was not on disk is gone, but for what chance had written back. */
  losePower(): void {
    this.powerCuts += 1;
    const applied = this.chance.is(0.5) ? 0 : this.chance.whole(0, this.unsynced.length);
    for (const change of this.unsynced.slice(applied).toReversed()) {
      if (change.kind === 'removed') this.files.set(change.name, change.inode);
      else if (this.files.get(change.name) === change.inode) {
        this.files.delete(change.name);
        this.lose(change.inode);
      }
    }
    this.unsynced = [];
    for (const inode of this.files.values()) {
      if (inode.dirty.length > 0) this.writeBackSome(inode);
      if (!inode.durable.equals(inode.seen)) this.lose(inode);
      inode.seen = Buffer.from(inode.durable);
      inode.dirty = [];
    }
  }

  private lose({ name, seen, readUpTo }: Inode): void {
    if (readUpTo > 0) this.lost.push({ name, read: seen.subarray(0, readUpTo) });
  }

  atRest(): FileAtRest[] {
    return [...this.files.values()].map(({ name, seen }) => ({ name, bytes: seen }));
  }

  private writeBackSome(inode: Inode): void {
    switch (this.chance.whole(0, 2)) {
      case 0:
        return;
      case 1: {
        // A prefix of each write.
        for (const { from, to } of inode.dirty) inode.keep(from, this.chance.whole(from, to));
        return;
      }
      default:
        // Pages in any order: a hole in between reads as zeros.
        for (const { from, to } of inode.dirty)
          for (let page = from; page < to; page += PAGE_BYTES)
            if (this.chance.is(0.5)) inode.keep(page, Math.min(to, page + PAGE_BYTES));
    }
  }

  private create(name: string): Inode {
    if (this.files.has(name))
      throw Object.assign(new Error(`EEXIST: file already exists, ${name}`), { code: 'EEXIST' });
    const inode = new Inode(name, this.time);
    this.files.set(name, inode);
    this.unsynced.push({ kind: 'created', name, inode });
    return inode;
  }

  private remove(name: string): void {
    const inode = this.files.get(name);
    if (inode === undefined) throw Object.assign(new Error(`ENOENT: no such file, ${name}`), { code: 'ENOENT' });
    this.files.delete(name);
    this.removed.push({ name, bytes: inode.seen });
    this.unsynced.push({ kind: 'removed', name, inode });
  }

  private syncNames(): void {
    this.fail();
    this.unsynced = [];
  }

  private handle(owner: Owner, inode: Inode | undefined): SegmentFile | null {
    if (inode === undefined) return null;
    const { name } = inode;
    return {
      write: (bytes, at) => {
        const copy = Buffer.from(bytes);
        // Readers may see the first of it before the rest. Once they can, it was written, whatever becomes of the rest.
        let begun = 0;
        if (owner.alive && this.chance.is(0.1))
          this.time.after(
            0.01,
            () => {
              if (this.full) return;
              begun = this.chance.whole(0, copy.length);
              inode.write(copy.subarray(0, begun), at);
            },
            WORLD,
          );
        return this.do(owner, `write ${name} ${at}+${copy.length}`, 0.3, () => {
          if (this.full && begun > 0) return begun;
          if (this.full) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
          // Fewer than were handed in and no error: a disk that fills up, or a signal.
          const short = copy.length > 1 && this.chance.is(this.shortWrites);
          const length = short ? Math.max(begun, this.chance.whole(1, copy.length - 1)) : copy.length;
          inode.write(copy.subarray(0, length), at);
          return length;
        });
      },
      sync: () =>
        this.do(owner, `sync ${name}`, 2, () => {
          if (this.syncsToFail > 0) inode.dirty = [];
          this.fail();
          inode.sync();
        }),
      read: (into, at) =>
        this.do(owner, 'read', 0, () => {
          const bytes = inode.seen.subarray(at, at + into.length);
          inode.readUpTo = Math.max(inode.readUpTo, at + bytes.length);
          into.set(bytes);
          return bytes.length;
        }),
      size: () => this.do(owner, 'size', 0, () => inode.seen.length),
      truncate: (size) => this.do(owner, `truncate ${name}`, 0, () => inode.truncate(size)),
      close: () => this.do(owner, 'close', 0, () => undefined),
    };
  }

  /** The chance that a write is short. */
  shortWrites = 0.02;

  private fail(): void {
    if (this.syncsToFail === 0) return;
    this.syncsToFail -= 1;
    throw Object.assign(new Error('EIO: i/o error, fdatasync'), { code: 'EIO' });
  }

  /** Does it after a while (0: as soon as whoever asked waits), and answers after another; a process that is dead never hears of it. */
  private do<Result>(owner: Owner, what: string, aboutMs: number, act: () => Result): Promise<Result> {
    if (!owner.alive) return NEVER;
    if (aboutMs === 0) {
      try {
        return Promise.resolve(act());
      } catch (error) {
        return Promise.reject(error as Error);
      }
    }
    return new Promise((resolve, reject) => {
      // What a process has asked of the kernel is done, whether or not it lives to hear of it.
      this.time.after(
        this.chance.upTo(2 * aboutMs) + this.slowMs * this.chance.upTo(1),
        () => {
          this.happened(`before ${what}`, owner);
          if (!owner.alive && this.chance.is(0.5)) return;
          let answer: () => void;
          try {
            const result = act();
            answer = () => resolve(result);
          } catch (error) {
            answer = () => reject(error as Error);
          }
          this.time.note(`${owner.name} ${what}`);
          this.time.after(this.chance.upTo(aboutMs), answer, owner);
          this.happened(`after ${what}`, owner);
        },
        WORLD,
      );
    });
  }
}

export const NEVER = new Promise<never>(() => undefined);
