import { Counter, Gauge } from 'prom-client';
import type { AlertDesk } from '@canh/core/alerts/alert-store';
import { SEVERITIES } from '@canh/core/rules/rule';
import type { Metrics } from '@canh/runtime/metrics';

const MAX_COUNTED = 10_000;

/** What the console counts. */
export class ConsoleMetrics {
  private readonly signIns: Counter;
  private readonly streams: Gauge;

  constructor({ registry }: Metrics, desk: AlertDesk) {
    const registers = [registry];
    this.signIns = new Counter({
      name: 'canh_sign_ins_total',
      help: 'Attempts to sign in to the console.',
      labelNames: ['outcome'],
      registers,
    });
    // What is not there yet cannot be drawn, and its first one is no increase.
    for (const outcome of ['accepted', 'refused', 'held-back']) this.signIns.inc({ outcome }, 0);
    this.streams = new Gauge({
      name: 'canh_console_streams',
      help: 'Pages that listen to the live stream now.',
      registers,
    });
    const open = new Gauge({
      name: 'canh_alerts_open',
      help: 'Alerts that are not closed, by severity.',
      labelNames: ['severity'],
      registers,
      async collect() {
        open.reset();
        // Unknown is left out: a 0 would say that all is well.
        const alerts = await desk.list('open', MAX_COUNTED).catch(() => null);
        if (alerts === null) return;
        for (const severity of SEVERITIES)
          open.set({ severity }, alerts.filter((alert) => alert.severity === severity).length);
      },
    });
  }

  signIn(outcome: 'accepted' | 'refused' | 'held-back'): void {
    this.signIns.inc({ outcome });
  }

  streamsOpen(count: number): void {
    this.streams.set(count);
  }
}
