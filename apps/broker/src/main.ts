import 'reflect-metadata';
import { join } from 'node:path';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { takeLock } from '@canh/adapters/process-lock/process-lock';
import { makeDataDir } from '@canh/runtime/data-dir';
import { Health } from '@canh/runtime/health';
import { createHttpAdapter, listen } from '@canh/runtime/http';
import { openLog } from '@canh/runtime/log';
import { Metrics } from '@canh/runtime/metrics';
import { nestLog } from '@canh/runtime/nest-log';
import { OperatingModule } from '@canh/runtime/operating.module';
import { run } from '@canh/runtime/run';
import { readSettings } from '@canh/runtime/settings';
import { openTls } from '@canh/runtime/tls/open-tls';
import { BrokerModule } from './broker.module.js';
import { BrokerSettings } from './broker.settings.js';

/** The doors for devices as a process of their own; the HTTP door, `/health` and `/metrics` are at CANH_HTTP_PORT. */
await run(async () => {
  const settings = readSettings(BrokerSettings);
  const log = openLog('broker', settings);
  await makeDataDir(settings.dataDir);
  takeLock(join(settings.dataDir, 'broker.lock'), 'receiving for this data folder');
  const health = new Health();
  const tls = await openTls(settings, log, health);
  const imports = [OperatingModule.register(health, new Metrics()), await BrokerModule.open(settings, tls)];
  const app = await NestFactory.create<NestFastifyApplication>(
    { module: class BrokerProcess {}, imports },
    createHttpAdapter(tls, true),
    { logger: nestLog(log), abortOnError: false },
  );
  await listen(app, settings.host, settings.httpPort, 'CANH_HTTP_PORT');
  return app;
});
