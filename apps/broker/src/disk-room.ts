import { statfs } from 'node:fs/promises';
import { SECOND_MS } from '@canh/core/time/instant';

const MEGABYTE = 2 ** 20;
const ASK_EVERY_MS = 5 * SECOND_MS;

/** The room that is left where the data folder is. */
export class DiskRoom {
  private askedAt = Number.NEGATIVE_INFINITY;
  private free: Promise<number> = Promise.resolve(0);

  constructor(
    private readonly folder: string,
    /** Below so many megabytes a person should make room; 0 never asks for it. */
    private readonly warnBelowMb: number,
  ) {}

  /** Bytes that this user may still write there, as of not long ago. Rejects where the folder cannot be asked. */
  freeBytes(): Promise<number> {
    if (performance.now() - this.askedAt >= ASK_EVERY_MS) {
      this.askedAt = performance.now();
      this.free = statfs(this.folder).then(({ bavail, bsize }) => bavail * bsize);
    }
    return this.free;
  }

  async warnings(): Promise<string[]> {
    if (this.warnBelowMb === 0) return [];
    const freeMb = Math.floor((await this.freeBytes()) / MEGABYTE);
    if (freeMb >= this.warnBelowMb) return [];
    return [
      `${freeMb} MB are free in ${this.folder}, less than ${this.warnBelowMb} (CANH_DISK_WARN_MB). Make room: when it is full, nothing is acknowledged.`,
    ];
  }
}
