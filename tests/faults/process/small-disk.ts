import { spawnSync } from 'node:child_process';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../../support/canh-process.js';

const STROKES = [2 ** 20, 4_096, 1];

/** A file system of its own, in memory, that can be full without anybody else noticing. Mounting takes root. */
export class SmallDisk {
  private constructor(readonly folder: string) {}

  /** Null where this user may not mount. */
  static async mount(megabytes: number): Promise<SmallDisk | null> {
    const folder = await temporaryFolder();
    const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=700`, 'canh-faults', folder]);
    if (status === 0) return new SmallDisk(folder);
    rmSync(folder, { recursive: true });
    return null;
  }

  /** Leaves room for nothing. */
  fill(): void {
    const file = openSync(this.ballast, 'a');
    try {
      for (const bytes of STROKES) fillWith(file, Buffer.alloc(bytes));
    } finally {
      closeSync(file);
    }
  }

  makeRoom(): void {
    rmSync(this.ballast, { force: true });
  }

  unmount(): void {
    const { status, stderr } = spawnSync('umount', ['-l', this.folder]);
    if (status !== 0) throw new Error(`${this.folder} is still mounted: ${stderr.toString()}`);
    rmSync(this.folder, { recursive: true });
  }

  private get ballast(): string {
    return join(this.folder, 'ballast');
  }
}

function fillWith(file: number, bytes: Buffer): void {
  for (;;)
    try {
      if (writeSync(file, bytes) < bytes.length) return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      return;
    }
}
