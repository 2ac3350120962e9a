import { Controller, Get, Query } from '@nestjs/common';
import { CanhError } from '@canh/core/canh-error';
import type { PathStatus } from '@canh/core/series/live-series';
import { LatestValues } from '@canh/core/series/latest-values';
import { SeriesStore, type Bucket } from '@canh/core/series/series-store';
import type { FlaggedReading } from '@canh/core/quality/flagged-reading';
import { Registry as MetricsRegistry } from 'prom-client';
import { Processor } from './processor.js';

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

  @Get('status')
  status(): PathStatus {
    return this.processor.status();
  }

  @Get('metrics')
  metricsAsJson(): Promise<unknown> {
    return this.metrics.getMetricsAsJSON();
  }
}
