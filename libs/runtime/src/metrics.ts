import { Controller, Get, Header } from '@nestjs/common';
import {
  AggregatorRegistry,
  collectDefaultMetrics,
  Gauge,
  Registry,
  type MetricObjectWithValues,
  type MetricValue,
} from 'prom-client';
import { Public } from './http.js';
import { within } from './within.js';

/** Metrics of another part, as its registry's `getMetricsAsJSON()` gives them: a worker thread has a registry of its own. */
export type MetricsSource = () => Promise<MetricObjectWithValues<MetricValue<string>>[]>;

const ANSWER_WITHIN_MS = 2_000;

/** What this process counts and what other parts of it count, as one page of text. Metrics of the same name are added up. */
export class Metrics {
  readonly registry = new Registry();
  private readonly sources: MetricsSource[] = [];
  private readonly silent = new Gauge({
    name: 'canh_metrics_sources_silent',
    help: 'Parts of this process whose metrics are missing from this answer.',
    registers: [this.registry],
  });

  constructor() {
    collectDefaultMetrics({ register: this.registry });
    // Meant for several processes on one page, of which none is the first to have started; here it is one.
    const started = this.registry.getSingleMetric('process_start_time_seconds') as { aggregator?: string } | undefined;
    if (started !== undefined) started.aggregator = 'first';
  }

  add(source: MetricsSource): void {
    this.sources.push(source);
  }

  async text(): Promise<string> {
    const answers = await Promise.allSettled(
      this.sources.map((source) => within(ANSWER_WITHIN_MS, 'metrics', source())),
    );
    const heard = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
    this.silent.set(answers.length - heard.length);
    return AggregatorRegistry.aggregate([await this.registry.getMetricsAsJSON(), ...heard]).metrics();
  }
}

@Public()
@Controller('metrics')
export class MetricsController {
  constructor(private readonly metrics: Metrics) {}

  @Get()
  @Header('content-type', Registry.PROMETHEUS_CONTENT_TYPE)
  text(): Promise<string> {
    return this.metrics.text();
  }
}
