import 'reflect-metadata';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Health, type HealthReport } from '@canh/runtime/health';
import { createHttpAdapter, listen } from '@canh/runtime/http';
import { Metrics } from '@canh/runtime/metrics';
import { OperatingModule } from '@canh/runtime/operating.module';
import { BrokerModule } from '../../apps/broker/src/broker.module.js';
import { BrokerSettings } from '../../apps/broker/src/broker.settings.js';

const MORE_MB_THAN_ANY_DISK = 2 ** 40;

@Module({})
class BrokerAlone {}

describe('what the broker says of itself', () => {
  let dataDir: string;
  let app: NestFastifyApplication;
  let url: string;

  const start = async (wished: Partial<BrokerSettings>): Promise<void> => {
    const free = { dataDir, httpPort: 0, mqttPort: 0, wsPort: 0, logLevel: 'silent' } as const;
    const settings = Object.assign(new BrokerSettings(), free, wished);
    const imports = [OperatingModule.register(new Health(), new Metrics()), await BrokerModule.open(settings)];
    app = await NestFactory.create<NestFastifyApplication>({ module: BrokerAlone, imports }, createHttpAdapter(), {
      logger: false,
      abortOnError: false,
    });
    url = await listen(app, '127.0.0.1', 0, 'CANH_HTTP_PORT');
  };
  const health = async (): Promise<{ status: number; warnings: readonly string[] | undefined }> => {
    const answer = await fetch(`${url}/health/ready`);
    const { parts } = (await answer.json()) as HealthReport;
    return { status: answer.status, warnings: parts['broker']?.warnings };
  };

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'canh-broker-'));
  });
  afterEach(async () => {
    await app.close();
    await rm(dataDir, { recursive: true, force: true });
  });

  it('warns of a disk that fills up, and goes on taking work', async () => {
    await start({ diskWarnMb: MORE_MB_THAN_ANY_DISK });
    const { status, warnings } = await health();
    expect(status).toBe(200);
    expect(warnings).toEqual([expect.stringContaining('CANH_DISK_WARN_MB')]);
    expect(warnings?.[0]).toContain(dataDir);
  });

  it('says nothing of the disk where nobody wants to hear of it', async () => {
    await start({ diskWarnMb: 0 });
    expect(await health()).toEqual({ status: 200, warnings: [] });
  });

  it('shows the room on the disk, the window and what waits as metrics', async () => {
    await start({});
    const text = await (await fetch(`${url}/metrics`)).text();
    const valueOf = (name: string): number => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
    expect(valueOf('canh_disk_free_bytes')).toBeGreaterThan(0);
    expect(valueOf('canh_journal_window_bytes')).toBe(2 ** 20);
    expect(valueOf('canh_intake_waiting_messages')).toBe(0);
  });
});
