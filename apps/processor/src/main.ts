import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { readSettings } from '@canh/runtime/settings';
import { run } from '@canh/runtime/run';
import { freeSocket, protectSocket, ProcessorModule } from './processor.module.js';
import { ProcessorSettings } from './processor.settings.js';
import { QuestionFilter } from './question.filter.js';

/** The stream processor, as a process of its own or as the thread that `apps/canh` starts. */
await run(async () => {
  const settings = readSettings(ProcessorSettings);
  const module = await ProcessorModule.open(settings);
  const socket = await freeSocket(settings.dataDir);
  const app = await NestFactory.create<NestFastifyApplication>(
    module,
    new FastifyAdapter({ forceCloseConnections: true }),
    { logger: false, abortOnError: false },
  );
  app.useGlobalFilters(new QuestionFilter());
  await app.listen({ path: socket });
  await protectSocket(socket);
  return app;
});
