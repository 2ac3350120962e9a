import { Counter, Gauge, Registry } from 'prom-client';
import type { Path } from './path.js';
import type { StoreWriter } from './store-writer.js';

/** Before anything was read: the payload of a message of six values, and what the journal adds to each. */
const USUAL_PAYLOAD_BYTES = 180;
const FRAME_BYTES = 30;

/** The processor's figures as Prometheus reads them, taken from the running parts when asked. */
export function processorMetrics(path: Path, writer: StoreWriter): Registry {
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
    help: 'What arrived and could not be a reading, by reason.',
    labelNames: ['reason'],
    registers,
    collect() {
      this.reset();
      for (const [reason, count] of path.quarantined) this.inc({ reason }, count);
    },
  });
  new Gauge({
    name: 'canh_journal_lag_messages',
    help: 'Messages of the journal that were not judged yet, estimated from their bytes.',
    registers,
    collect() {
      const payload = path.messages === 0 ? USUAL_PAYLOAD_BYTES : path.payloadBytes / path.messages;
      this.set(Math.ceil(path.behindBytes / (payload + FRAME_BYTES)));
    },
  });
  new Gauge({
    name: 'canh_journal_lag_seconds',
    help: 'How long the last message had waited when it was judged.',
    registers,
    collect() {
      this.set(path.behindMs / 1000);
    },
  });
  return registry;
}
