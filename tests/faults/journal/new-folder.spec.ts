import { spawnSync } from 'node:child_process';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readTrace, straceTo } from '../process/syscall-trace.js';

const strace = spawnSync('strace', ['-V']).error === undefined;
if (!strace) console.warn('new-folder is skipped: install strace (apt-get install strace).');

describe.skipIf(!strace)('a journal in a new folder', () => {
  it('has its folder and those above it in folders that are on disk', async () => {
    const there = await realpath(await mkdtemp(join(tmpdir(), 'canh-new-folder-')));
    try {
      const file = join(there, 'trace');
      const journal = join(there, 'data', 'journal');
      const [program, ...under] = straceTo(file);
      const child = join(import.meta.dirname, 'new-folder.child.ts');
      const imports = join(import.meta.dirname, '../../support/source-imports.mjs');
      const flags = ['--experimental-transform-types', '--no-warnings', '--import', imports];
      const ran = spawnSync(program!, [...under, process.execPath, ...flags, child, journal], { encoding: 'utf8' });
      expect([ran.status, ran.stderr]).toEqual([0, '']);
      const synced = readTrace(file)
        .filter(({ name, result }) => name === 'fsync' && result === 0)
        .map((call) => call.file);
      expect(synced).toEqual(expect.arrayContaining([there, join(there, 'data'), journal]));
    } finally {
      await rm(there, { recursive: true, force: true });
    }
  });
});
