import { Counter, type Registry } from 'prom-client';
import type { DropReason } from '@canh/adapters/mqtt-sessions/session-parts';
import { MINUTE_MS } from '@canh/core/time/instant';
import type { Log } from '@canh/runtime/log';

const LOG_EVERY_MS = MINUTE_MS;
const WARN_FOR_MS = 10 * MINUTE_MS;

type Reason = DropReason | 'unknown-command';

/** Reasons that somebody can do something about. */
const WAYS_OUT: ReadonlyMap<Reason, string> = new Map<Reason, string>([
  ['queue-full', 'messages to devices were dropped since too many wait (CANH_MQTT_QUEUE_MESSAGES, CANH_MQTT_QUEUE_KB)'],
  ['session-replaced', 'MQTT sessions were dropped for newer ones of their device (CANH_MQTT_SESSIONS_PER_DEVICE)'],
  ['retained-full', 'retained messages were not kept (CANH_MQTT_RETAINED_TOPICS)'],
]);

interface Drops {
  count: number;
  at: number;
  loggedAt: number;
}

/** Makes visible what was kept for devices and let go of. */
export class DroppedMail {
  private readonly drops = new Map<Reason, Drops>();

  /** `now` in ms, of a clock that nobody sets. */
  constructor(
    private readonly log: Log,
    private readonly now: () => number,
  ) {}

  add(reason: Reason, count: number, sessionId: string): void {
    const now = this.now();
    const drops = this.drops.get(reason) ?? { count: 0, at: now, loggedAt: -Infinity };
    this.drops.set(reason, drops);
    drops.count += count;
    drops.at = now;
    if (now - drops.loggedAt < LOG_EVERY_MS) return;
    drops.loggedAt = now;
    this.log.warn({ event: 'mqtt.dropped', reason, sessionId, sinceStart: drops.count }, 'dropped for a device');
  }

  get warnings(): string[] {
    const since = this.now() - WARN_FOR_MS;
    return [...WAYS_OUT].flatMap(([reason, words]) => {
      const drops = this.drops.get(reason);
      return drops === undefined || drops.at < since ? [] : [`${drops.count} ${words}.`];
    });
  }

  countIn(registry: Registry): void {
    const { drops } = this;
    new Counter({
      name: 'canh_mqtt_dropped_total',
      help: 'Messages, sessions and retained messages that were kept for devices and let go of.',
      labelNames: ['reason'],
      registers: [registry],
      collect() {
        this.reset();
        for (const [reason, { count }] of drops) this.inc({ reason }, count);
      },
    });
  }
}
