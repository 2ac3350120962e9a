import { Controller, Get, Inject, Query } from '@nestjs/common';
import { CanhError } from '@canh/core/canh-error';
import type { JudgePlace } from '@canh/adapters/processor-link/processor-link';
import type { PathStatus } from '@canh/core/series/live-series';
import { LatestValues } from '@canh/core/series/latest-values';
import { SeriesStore, type Bucket } from '@canh/core/series/series-store';
import type { FlaggedReading } from '@canh/core/quality/flagged-reading';
import { Registry as MetricsRegistry } from 'prom-client';
import { Processor, PROCESSOR_PARTS, type ProcessorParts } from './processor.js';

/** An answer that is put together in memory, here and by whoever asked. */
const MOST_READINGS = 10_000;

function whole(name: string, text: string | undefined): number {
  const value = Number(text);
  if (text === undefined || !Number.isSafeInteger(value))
    throw new CanhError('BAD_QUESTION', `${name} is '${String(text)}', expected a whole number.`);
  return value;
}

/** What other parts ask the processor over its local socket; the asking side is `adapters/processor-link`. */
@Controller()
export class LiveController {
  constructor(
    private readonly latest: LatestValues,
    private readonly store: SeriesStore,
    private readonly processor: Processor,
    private readonly metrics: MetricsRegistry,
    @Inject(PROCESSOR_PARTS) private readonly parts: ProcessorParts,
  ) {}

  @Get('latest')
  latestAfter(@Query('after') after: string): { cursor: number; readings: FlaggedReading[] } {
    return this.latest.changedAfter(whole('after', after));
  }

  @Get('buckets')
  buckets(@Query() query: Readonly<Record<string, string>>): Promise<Bucket[]> {
    const { stationId = '', metric = '' } = query;
    return this.store.buckets(
      { stationId, metric, from: whole('from', query['from']), to: whole('to', query['to']) },
      whole('bucketMs', query['bucketMs']),
    );
  }

  @Get('readings')
  readings(@Query() query: Readonly<Record<string, string>>): Promise<FlaggedReading[]> {
    const { stationId = '', metric = '' } = query;
    const limit = whole('limit', query['limit']);
    if (limit < 1 || limit > MOST_READINGS)
      throw new CanhError(
        'BAD_QUESTION',
        `${limit} readings were asked for at once. Ask for 1 to ${MOST_READINGS}, and for the next ones from the last one's time on.`,
      );
    return this.store.readings(
      { stationId, metric, from: whole('from', query['from']), to: whole('to', query['to']) },
      limit,
    );
  }

  /** Answered from memory: the doors ask it many times a second while messages come in. */
  @Get('place')
  place(): JudgePlace {
    const { path } = this.parts;
    return { judged: path.judgedUpTo, behindMs: path.behindMs };
  }

  @Get('status')
  status(): PathStatus {
    return this.processor.status();
  }

  @Get('metrics')
  metricsAsJson(): Promise<unknown> {
    return this.metrics.getMetricsAsJSON();
  }
}
