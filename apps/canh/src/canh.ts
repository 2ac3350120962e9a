import { join, resolve } from 'node:path';
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
import { lineFor, type Running } from '@canh/runtime/run';
import type { Environment } from '@canh/runtime/settings';
import { openTls } from '@canh/runtime/tls/open-tls';
import { BrokerModule, Doors } from '../../broker/src/broker.module.js';
import { ConsoleModule } from '../../console/src/console.module.js';
import { serveConsole } from '../../console/src/serve-console.js';
import { NotifierModule } from '../../notifier/src/notifier.module.js';
import { readAllSettings } from './all-settings.js';
import { ProcessorThread } from './processor-thread.js';

/** Canh while it runs: where it can be reached. */
export interface RunningCanh extends Running {
  readonly consoleUrl: string;
  readonly mqttUrl: string;
  /** Null where MQTT is not spoken over TLS. */
  readonly mqttsUrl: string | null;
  readonly wsUrl: string;
  readonly dataDir: string;
}

class AllInOne {}

/** Broker, console and notifier on this thread, the processor on its own; each exactly as it would be as a process. */
export async function startCanh(environment: Environment, print: (line: string) => void): Promise<RunningCanh> {
  const settings = readAllSettings(environment);
  const { dataDir, host, httpPort } = settings.console;
  await makeDataDir(dataDir);
  // Before anything is opened: what is newer must not bring the records up to date under a Canh that runs.
  const unlock = [
    takeLock(join(dataDir, 'broker.lock'), 'receiving for this data folder'),
    takeLock(join(dataDir, 'console.lock'), 'showing this data folder'),
  ];
  const metrics = new Metrics();
  const health = new Health();
  const log = openLog('canh', settings.console);
  const tls = await openTls(settings.console, log, health);
  const link = new ProcessorLink(dataDir);
  metrics.add(link.metrics.bind(link) as MetricsSource);
  health.addVital('processor', async () => (await link.status()).failed);

  // Opened in the order of a reading's way, so that the first thing to fail is the first one that matters.
  const broker = await BrokerModule.open(settings.broker, tls);
  const processor = await ProcessorThread.start(environment, (error) => {
    process.stderr.write(`${lineFor(error)}\n`);
    process.exit(1);
  });
  const imports = [
    OperatingModule.register(health, metrics),
    broker,
    await NotifierModule.open(settings.notifier),
    await ConsoleModule.open(settings.console, print),
  ];
  const app = await NestFactory.create<NestFastifyApplication>(
    { module: AllInOne, imports },
    createHttpAdapter(tls, true),
    {
      logger: nestLog(log),
      abortOnError: false,
    },
  );
  serveConsole(app);
  const consoleUrl = await listen(app, host, httpPort, 'CANH_HTTP_PORT');
  const doors = app.get(Doors);
  return {
    consoleUrl,
    mqttUrl: doors.mqttUrl,
    mqttsUrl: doors.mqttsUrl,
    wsUrl: doors.wsUrl,
    dataDir: resolve(dataDir),
    close: async () => {
      // Doors first: nothing new comes in, and what came in is on disk. The others take their time beside each other.
      const closed = app.close();
      await Promise.race([doors.closed, closed]);
      await Promise.all([processor.stop(), closed]);
      link.close();
      for (const free of unlock) free();
    },
  };
}
