import { statfs } from 'node:fs/promises';
import { SECOND_MS } from '@canh/core/time/instant';

const MEGABYTE = 2 ** 20;
const ASK_EVERY_MS = 5 * SECOND_MS;

/** The room that is left where the data folder is. */
export class DiskRoom {
  private askedAt = Number.NEGATIVE_INFINITY;
  private room: Promise<{ freeBytes: number; freePercent: number }> = Promise.resolve({ freeBytes: 0, freePercent: 0 });

  constructor(
    private readonly folder: string,
    /** Below so many megabytes a person should make room; 0 never asks for it. */
    private readonly warnBelowMb: number,
  ) {}

  /** Bytes that this user may still write there, as of not long ago. Rejects where the folder cannot be asked. */
  async freeBytes(): Promise<number> {
    return (await this.ask()).freeBytes;
  }

  /** The same in percent of all, with one decimal. */
  async freePercent(): Promise<number> {
    return (await this.ask()).freePercent;
  }

  async warnings(): Promise<string[]> {
    if (this.warnBelowMb === 0) return [];
    const freeMb = Math.floor((await this.freeBytes()) / MEGABYTE);
    if (freeMb >= this.warnBelowMb) return [];
    return [
      `${freeMb} MB are free in ${this.folder}, less than ${this.warnBelowMb} (CANH_DISK_WARN_MB). Make room: when it is full, nothing is acknowledged.`,
    ];
  }

  private ask(): Promise<{ freeBytes: number; freePercent: number }> {
    if (performance.now() - this.askedAt >= ASK_EVERY_MS) {
      this.askedAt = performance.now();
      this.room = statfs(this.folder).then(({ bavail, blocks, bsize }) => ({
        freeBytes: bavail * bsize,
        freePercent: Math.round((bavail / blocks) * 1_000) / 10,
      }));
    }
    return this.room;
  }
}
