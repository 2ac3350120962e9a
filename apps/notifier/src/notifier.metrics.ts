import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { ChannelName, Outcome } from '@canh/core/dispatch/notice';
import type { Clock, Instant } from '@canh/core/time/instant';

const CHANNELS: readonly ChannelName[] = ['email', 'webhook'];

/** What waits to be sent. */
export interface Waiting {
  pending(): Promise<readonly { channel: ChannelName; count: number; oldest: Instant }[]>;
}

/** What the notifier counts. */
export class NotifierMetrics {
  private readonly deliveries: Counter;
  private readonly latency: Histogram;
  private readonly attempts: Histogram;
  private readonly digested: Counter;

  constructor(private readonly registry: Registry) {
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
    this.digested = new Counter({
      name: 'canh_notices_digested_total',
      help: 'What people are told in digests, since it was more than they can be told one by one: a notice for a contact is one.',
      registers,
    });
    this.attempts = new Histogram({
      name: 'canh_delivery_attempt_seconds',
      help: 'What one attempt took, by channel.',
      labelNames: ['channel'],
      buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 90],
      registers,
    });
  }

  /** That so many words to people wait for a digest. */
  collected(count: number): void {
    this.digested.inc(count);
  }

  attempted(channel: ChannelName, outcome: Outcome['kind'] | 'given-up', seconds: number): void {
    this.deliveries.inc({ channel, outcome });
    this.attempts.observe({ channel }, Math.max(0, seconds));
  }

  accepted(seconds: number): void {
    this.latency.observe(Math.max(0, seconds));
  }

  /** What waits in the outbox, asked of the records when somebody wants to know. */
  addQueue(outbox: Waiting, clock: Clock): void {
    const registers = [this.registry];
    const oldest = new Gauge({
      name: 'canh_deliveries_oldest_seconds',
      help: 'How long the oldest message that is not delivered has been waiting, by channel.',
      labelNames: ['channel'],
      registers,
    });
    new Gauge({
      name: 'canh_deliveries_pending',
      help: 'Messages that wait to be delivered, by channel.',
      labelNames: ['channel'],
      registers,
      async collect() {
        // Unknown is left out: a 0 would say that nobody waits for a message.
        const waiting = await outbox.pending().catch(() => null);
        this.reset();
        oldest.reset();
        if (waiting === null) return;
        for (const channel of CHANNELS) {
          const here = waiting.find((of) => of.channel === channel);
          this.set({ channel }, here?.count ?? 0);
          oldest.set({ channel }, here === undefined ? 0 : Math.max(0, (clock.now() - here.oldest) / 1_000));
        }
      },
    });
  }

  /** Whether Canh's own readings come out of the path, and whether that is heard elsewhere. */
  addWatch(silenceSeconds: () => number, beats: { readonly sent: number; readonly failed: number } | null): void {
    const registers = [this.registry];
    new Gauge({
      name: 'canh_canary_silence_seconds',
      help: 'Since a reading of Canh itself was last seen to come out at the end of the path, or since the start.',
      registers,
      collect() {
        this.set(silenceSeconds());
      },
    });
    if (beats === null) return;
    new Counter({
      name: 'canh_heartbeats_total',
      help: 'Heartbeats to CANH_HEARTBEAT_URL, by outcome.',
      labelNames: ['outcome'],
      registers,
      collect() {
        this.reset();
        this.inc({ outcome: 'accepted' }, beats.sent);
        this.inc({ outcome: 'failed' }, beats.failed);
      },
    });
  }
}
