import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { HealthReport, LiveReport } from '@canh/runtime/health';
import { CanhProcess } from '../../support/canh-process.js';
import { eventually } from '../../support/eventually.js';

const PLANTED = join(import.meta.dirname, 'planted/on-request.mjs');
const WITHIN_MS = 30_000;

describe('what /health says of', () => {
  let faults: string;
  let canh: CanhProcess;

  beforeEach(async () => {
    faults = await mkdtemp(join(tmpdir(), 'canh-faults-'));
    canh = await CanhProcess.start({
      env: {
        NODE_OPTIONS: `--import=${PLANTED}`,
        FAULTS_DIR: faults,
        CANH_SELF_REPORT_SECONDS: '1',
        CANH_CANARY_SECONDS: '0',
        CANH_LOG_LEVEL: 'error',
      },
    });
  });
  afterEach(async () => {
    await canh.remove();
    await rm(faults, { recursive: true, force: true });
  });

  const live = async (): Promise<{ status: number } & LiveReport> => {
    const answer = await fetch(`${canh.consoleUrl}/health/live`);
    return { status: answer.status, ...((await answer.json()) as LiveReport) };
  };
  const unready = async (): Promise<{ status: number; problems: Record<string, readonly string[]> }> => {
    const answer = await fetch(`${canh.consoleUrl}/health/ready`);
    const { parts } = (await answer.json()) as HealthReport;
    const wrong = Object.entries(parts).filter(([, { ready }]) => !ready);
    return {
      status: answer.status,
      problems: Object.fromEntries(wrong.map(([part, { problems }]) => [part, problems])),
    };
  };

  it('an ordinary day: alive, and every part takes work', async () => {
    expect(await live()).toEqual({ status: 200, live: true, failed: {} });
    expect(await unready()).toEqual({ status: 200, problems: {} });
  });

  it('a thread that is gone: dead for good, and by name', async () => {
    await writeFile(join(faults, 'store-thread-ends'), '');
    await eventually(
      async () =>
        expect(await live()).toMatchObject({
          status: 503,
          live: false,
          failed: { processor: expect.stringMatching(/series store .* its thread ended with code 7/) as string },
        }),
      WITHIN_MS,
    );
    expect(await unready()).toMatchObject({
      status: 503,
      problems: { processor: [expect.stringContaining('code 7')] },
    });
  });

  it('a journal that its disk did not sync: dead for good, and nothing is acknowledged', async () => {
    await writeFile(join(faults, 'sync-fails'), '');
    // The next report of Canh itself is the one that meets it.
    await eventually(
      async () =>
        expect(await live()).toMatchObject({
          status: 503,
          failed: { broker: expect.stringContaining('fdatasync failed') as string },
        }),
      WITHIN_MS,
    );
    expect(await unready()).toMatchObject({
      status: 503,
      problems: { broker: [expect.stringContaining('fdatasync failed')] },
    });
  });

  it('records that another process holds: alive, unready while it does, and ready again after it', async () => {
    const other = new DatabaseSync(join(canh.dataDir, 'records.sqlite'));
    other.exec('BEGIN IMMEDIATE');
    await eventually(
      async () =>
        expect(await unready()).toMatchObject({
          status: 503,
          problems: { notifier: [expect.stringContaining('The records cannot be written')] },
        }),
      WITHIN_MS,
    );
    expect(await live()).toMatchObject({ status: 200, live: true });
    other.exec('ROLLBACK');
    other.close();
    await eventually(async () => expect(await unready()).toEqual({ status: 200, problems: {} }), WITHIN_MS);
  });
}, 120_000);
