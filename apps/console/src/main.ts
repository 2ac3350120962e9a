import 'reflect-metadata';
import { join } from 'node:path';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { takeLock } from '@canh/adapters/process-lock/process-lock';
import { ProcessorLink } from '@canh/adapters/processor-link/processor-link';
import { makeDataDir } from '@canh/runtime/data-dir';
import { Health } from '@canh/runtime/health';
import { createHttpAdapter, listen } from '@canh/runtime/http';
import { openLog } from '@canh/runtime/log';
import { Metrics, type MetricsSource } from '@canh/runtime/metrics';
import { nestLog } from '@canh/runtime/nest-log';
import { OperatingModule } from '@canh/runtime/operating.module';
import { run } from '@canh/runtime/run';
import { readSettings } from '@canh/runtime/settings';
import { openTls } from '@canh/runtime/tls/open-tls';
import { ConsoleModule } from './console.module.js';
import { ConsoleSettings } from './console.settings.js';
import { serveConsole } from './serve-console.js';

@Module({})
class ConsoleProcess {}

const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** The console as a process of its own, beside a processor on the same data folder. */
await run(async () => {
  const settings = readSettings(ConsoleSettings);
  const log = openLog('console', settings);
  await makeDataDir(settings.dataDir);
  takeLock(join(settings.dataDir, 'console.lock'), 'showing this data folder');
  const health = new Health();
  // The processor has no address of its own that a person or Prometheus could ask.
  const metrics = new Metrics();
  const processor = new ProcessorLink(settings.dataDir);
  metrics.add(() => processor.metrics() as ReturnType<MetricsSource>);
  const imports = [OperatingModule.register(health, metrics), await ConsoleModule.open(settings, say)];
  const app = await NestFactory.create<NestFastifyApplication>(
    { module: ConsoleProcess, imports },
    createHttpAdapter(await openTls(settings, log, health)),
    {
      logger: nestLog(log),
      abortOnError: false,
    },
  );
  serveConsole(app);
  say(`Canh: ${await listen(app, settings.host, settings.httpPort, 'CANH_HTTP_PORT')}`);
  return {
    close: async () => {
      await app.close();
      processor.close();
    },
  };
});
