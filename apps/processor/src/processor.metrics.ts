import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Clock } from '@canh/core/time/instant';
import type { Path } from './path.js';
import type { StoreWriter } from './store-writer.js';

/** Before anything was read: the payload of a message of six values, and what the journal adds to each. */
const USUAL_PAYLOAD_BYTES = 180;
const FRAME_BYTES = 30;
const SECONDS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

/** The processor's figures as Prometheus reads them, taken from the running parts when asked. */
export function processorMetrics(path: Path, writer: StoreWriter, clock: Clock): Registry {
  const registry = new Registry();
  const registers = [registry];
  const counter = (name: string, help: string, value: () => number): void => {
    new Counter({
      name,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(value());
      },
    });
  };
  counter('canh_readings_stored_total', 'Readings that were new to the series store.', () => writer.stored);
  counter('canh_readings_duplicate_total', 'Readings that were stored before.', () => writer.duplicates);
  counter('canh_rule_evaluations_total', 'Steps of a rule over a reading.', () => path.evaluations);
  counter(
    'canh_readings_received_total',
    'Readings and faults found in the messages of the journal.',
    () => path.readings + path.quarantinedTotal,
  );
  new Counter({
    name: 'canh_readings_quarantined_total',
    help: 'What arrived and could not be a reading, or that the store would not take, by reason.',
    labelNames: ['reason'],
    registers,
    collect() {
      this.reset();
      for (const [reason, count] of path.quarantined) this.inc({ reason }, count);
      for (const [reason, count] of Object.entries(writer.turnedAway)) if (count > 0) this.inc({ reason }, count);
    },
  });
  const gauge = (name: string, help: string, value: () => number): void => {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(value());
      },
    });
  };
  const messagesIn = (bytes: number): number => {
    const payload = path.messages === 0 ? USUAL_PAYLOAD_BYTES : path.payloadBytes / path.messages;
    return Math.ceil(bytes / (payload + FRAME_BYTES));
  };
  gauge(
    'canh_journal_lag_messages',
    'Messages of the journal that were not judged yet, estimated from their bytes.',
    () => messagesIn(path.behindBytes),
  );
  gauge(
    'canh_journal_lag_seconds',
    'How late it is judged: how long the last message had waited, or the next ones do.',
    () => path.lateMs / 1_000,
  );
  gauge('canh_store_lag_messages', 'Messages that were judged and not stored yet, estimated from their bytes.', () =>
    messagesIn(writer.behindBytes),
  );
  gauge(
    'canh_store_lag_seconds',
    'While something waits to be stored: how long ago the newest was received that is stored.',
    () => (writer.behindBytes === 0 || writer.storedUpTo === null ? 0 : (clock.now() - writer.storedUpTo) / 1_000),
  );
  gauge('canh_store_queue_readings', 'Readings that wait in memory to be stored.', () => writer.queuedReadings);
  gauge('canh_store_waiting', 'Whether the series store takes nothing at the moment (1) or does (0).', () =>
    writer.waiting === null ? 0 : 1,
  );
  const histogram = (name: string, help: string): ((seconds: number) => void) => {
    const seconds = new Histogram({ name, help, buckets: SECONDS, registers });
    return (took) => seconds.observe(took);
  };
  path.onStretch = histogram(
    'canh_processor_batch_seconds',
    'What a stretch of the journal took to be judged and saved.',
  );
  writer.onStored = histogram('canh_store_append_seconds', 'What the series store took to keep a stretch.');
  writer.onSettled = histogram(
    'canh_ledger_settle_seconds',
    'What the records took to keep the books of what was stored.',
  );
  return registry;
}
