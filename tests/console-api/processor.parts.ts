import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { FileJournalWriter } from '@canh/adapters/journal-files/file-journal-writer';
import type { Instant } from '@canh/core/time/instant';
import { freeSocket, protectSocket, ProcessorModule } from '../../apps/processor/src/processor.module.js';
import { ProcessorSettings } from '../../apps/processor/src/processor.settings.js';
import { QuestionFilter } from '../../apps/processor/src/question.filter.js';

export interface RunningProcessor {
  /** Puts what a device said into the journal, as the broker does before it acknowledges. */
  says(deviceId: string, payload: unknown, receivedAt: Instant): Promise<void>;
  close(): Promise<void>;
}

/** The processor of a data folder as its own process runs it, on a journal that a test writes. */
export async function startProcessor(dataDir: string): Promise<RunningProcessor> {
  const settings = Object.assign(new ProcessorSettings(), { dataDir, logLevel: 'silent', readingMaxAgeDays: 36_500 });
  const journal = await FileJournalWriter.open(settings.journalDir);
  const module = await ProcessorModule.open(settings);
  const app = await NestFactory.create<NestFastifyApplication>(
    module,
    new FastifyAdapter({ forceCloseConnections: true }),
    { logger: false, abortOnError: false },
  );
  app.useGlobalFilters(new QuestionFilter());
  const socket = await freeSocket(dataDir);
  await app.listen({ path: socket });
  await protectSocket(socket);
  return {
    says: async (deviceId, payload, receivedAt) => {
      const bytes = typeof payload === 'string' ? payload : JSON.stringify(payload);
      await journal.append({ kind: 'telemetry', deviceId, receivedAt, payload: Buffer.from(bytes) });
    },
    close: async () => {
      await app.close();
      await journal.close();
    },
  };
}
