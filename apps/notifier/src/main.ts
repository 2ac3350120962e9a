import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Health } from '@canh/runtime/health';
import { createHttpAdapter, listen } from '@canh/runtime/http';
import { openLog } from '@canh/runtime/log';
import { Metrics } from '@canh/runtime/metrics';
import { nestLog } from '@canh/runtime/nest-log';
import { OperatingModule } from '@canh/runtime/operating.module';
import { run } from '@canh/runtime/run';
import { readSettings } from '@canh/runtime/settings';
import { openTls } from '@canh/runtime/tls/open-tls';
import { NotifierModule } from './notifier.module.js';
import { NotifierSettings } from './notifier.settings.js';

/** The notifier as a process of its own; `/health` and `/metrics` are served where CANH_NOTIFIER_PORT says. */
await run(async () => {
  const settings = readSettings(NotifierSettings);
  const log = openLog('notifier', settings);
  const logger = nestLog(log);
  const health = new Health();
  const notifier = await NotifierModule.open(settings);
  const module = {
    module: class NotifierProcess {},
    imports: [OperatingModule.register(health, new Metrics()), notifier],
  };
  if (settings.notifierPort === 0) return NestFactory.createApplicationContext(module, { logger, abortOnError: false });
  const app = await NestFactory.create<NestFastifyApplication>(
    module,
    createHttpAdapter(await openTls(settings, log, health)),
    {
      logger,
      abortOnError: false,
    },
  );
  await listen(app, settings.host, settings.notifierPort, 'CANH_NOTIFIER_PORT');
  return app;
});
