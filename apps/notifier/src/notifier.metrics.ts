import { Counter, Histogram, type Registry } from 'prom-client';
import type { ChannelName, Outcome } from '@canh/core/dispatch/notice';

/** What the notifier counts. */
export class NotifierMetrics {
  private readonly deliveries: Counter;
  private readonly latency: Histogram;

  constructor(registry: Registry) {
    const registers = [registry];
    this.deliveries = new Counter({
      name: 'canh_deliveries_total',
      help: 'Attempts to deliver a message, by channel and outcome.',
      labelNames: ['channel', 'outcome'],
      registers,
    });
    this.latency = new Histogram({
      name: 'canh_alert_latency_seconds',
      help: 'From the receipt of the reading that decided until the other side accepted the message.',
      buckets: [0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3_600, 14_400],
      registers,
    });
  }

  attempted(channel: ChannelName, outcome: Outcome['kind'] | 'given-up'): void {
    this.deliveries.inc({ channel, outcome });
  }

  accepted(seconds: number): void {
    this.latency.observe(Math.max(0, seconds));
  }
}
