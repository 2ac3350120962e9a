import { globSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Settings } from '../../support/canh-process.js';
import { eventually } from '../../support/eventually.js';

const [library] = globSync('/usr/lib/*/faketime/libfaketimeMT.so.1');
export const canFakeClock = library !== undefined;
if (!canFakeClock) console.warn('Tests of the clock are skipped: install libfaketime (apt-get install faketime).');

const CLOSE_ENOUGH_MS = 10_000;

/** The wall clock of one program, which can be set while it runs. What measures durations is left alone, as when somebody sets the clock of a machine. */
export class FakeClock {
  private readonly file: string;

  /** Shows the true time until it is set. It is a file of `folder`. */
  constructor(folder: string) {
    this.file = join(folder, 'fake-clock');
    this.put(0);
  }

  get settings(): Settings {
    return {
      LD_PRELOAD: library ?? '',
      FAKETIME_TIMESTAMP_FILE: this.file,
      FAKETIME_NO_CACHE: '1',
      DONT_FAKE_MONOTONIC: '1',
    };
  }

  /** Resolves when the program at this address says in its answers that it is so late. */
  async set(aheadS: number, consoleUrl: string): Promise<void> {
    this.put(aheadS);
    await eventually(async () => {
      const date = (await fetch(`${consoleUrl}/health/live`)).headers.get('date') ?? '';
      expect(Math.abs(Date.parse(date) - Date.now() - aheadS * 1_000)).toBeLessThan(CLOSE_ENOUGH_MS);
    });
  }

  /** In place whole or not at all: it is read at every look at the clock. */
  private put(aheadS: number): void {
    writeFileSync(`${this.file}.new`, `${aheadS < 0 ? '' : '+'}${aheadS}\n`);
    renameSync(`${this.file}.new`, this.file);
  }
}
