import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { DuckDBInstance } from '@duckdb/node-api';
import type { Published, SentMessage } from './published.js';

/** Enough of each kind to see what is wrong; the number of all of them is said beside. */
const SHOWN = 10;
/** How many times of a clock an hour of receiving has, at most: the hour itself is the server's. */
const HOUR_MS = 3_600_000;

interface StoredReading {
  readonly deviceId: string;
  readonly metric: string;
  readonly ts: number;
  readonly sequence: number;
  readonly value: number;
}

interface QuarantineRow {
  readonly deviceId: string;
  readonly reason: string;
  readonly detail: string;
  readonly payload: string;
}

interface LedgerRow {
  readonly deviceId: string;
  readonly hour: number;
  readonly messages: number;
  readonly received: number;
  readonly stored: number;
  readonly duplicate: number;
  readonly missing: number;
  readonly quarantined: number;
}

/** What is on disk after an orderly stop. */
export interface Kept {
  readonly readings: readonly StoredReading[];
  readonly quarantine: readonly QuarantineRow[];
  readonly ledger: readonly LedgerRow[];
}

/** Reads the store and the records as any other program could, with nothing of ours. */
export async function keptIn(dataDir: string): Promise<Kept> {
  const records = new DatabaseSync(join(dataDir, 'records.sqlite'), { readOnly: true });
  try {
    const rows = <T>(query: string): T[] => records.prepare(query).all() as T[];
    const quarantine = rows<{ device_id: string; reason: string; detail: string; payload: Uint8Array }>(
      'select device_id, reason, detail, payload from quarantine order by journal_offset, part',
    ).map(({ device_id: deviceId, reason, detail, payload }) => ({
      deviceId,
      reason,
      detail,
      payload: Buffer.from(payload).toString(),
    }));
    const ledger = rows<LedgerRow>(
      `select device_id as deviceId, hour, messages, received, stored, duplicate, missing,
         (select coalesce(sum(count), 0) from ledger_quarantined as q
          where q.hour = ledger.hour and q.device_id = ledger.device_id) as quarantined
       from ledger`,
    );
    return { readings: await readingsIn(join(dataDir, 'series')), quarantine, ledger };
  } finally {
    records.close();
  }
}

/** What is in the hot file, and in the sealed file of each day that it names. */
async function readingsIn(directory: string): Promise<StoredReading[]> {
  const instance = await DuckDBInstance.create(join(directory, 'readings.duckdb'), { access_mode: 'READ_ONLY' });
  const connection = await instance.connect();
  const rows = async (query: string): Promise<unknown[][]> => (await connection.runAndReadAll(query)).getRows();
  try {
    const days = await rows(
      `select strftime(make_date(day), '%Y-%m-%d') || if(part = 1, '', '.p' || part) || '.v' || version || '.parquet' from sealed where kind = 'raw'`,
    );
    const parts = [
      'select device_id, metric, measured_us // 1000, measured_us % 1000, value from readings join series using (series_id)',
      ...days.map(
        ([name]) =>
          `select device_id, metric, epoch_ms(measured_at), "sequence", value from '${join(directory, 'days', name as string)}'`,
      ),
    ];
    return (await rows(parts.join(' union all '))).map(([deviceId, metric, ts, sequence, value]) => ({
      deviceId: deviceId as string,
      metric: metric as string,
      ts: Number(ts),
      sequence: Number(sequence),
      value: value as number,
    }));
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/** Collects what is wrong, some of each kind in words. */
class Findings {
  private readonly byKind = new Map<string, string[]>();

  add(kind: string, what: string): void {
    const all = this.byKind.get(kind) ?? [];
    all.push(what);
    this.byKind.set(kind, all);
  }

  get lines(): string[] {
    return [...this.byKind].flatMap(([kind, all]) => [
      ...all.slice(0, SHOWN).map((what) => `${kind}: ${what}`),
      ...(all.length > SHOWN ? [`${kind}: and ${all.length - SHOWN} more`] : []),
    ]);
  }
}

/**
 * What contradicts what the publishers were told; empty when all is well. Checks for every device of theirs:
 * - I1, lost: what was acknowledged is stored, or in quarantine where it belongs there;
 * - I2, doubled: one stored reading for each identity, with the value that was sent;
 * - I3, invented: nothing is stored or quarantined that nobody sent;
 * - I7, order: the PUBACKs of a connection came in the order of its PUBLISHes;
 * - ledger: received = stored + duplicate + quarantined for each device and hour; as many stored and quarantined as are there; between as
 *   many messages as were acknowledged and as were sent; nothing missing of what was counted without a gap.
 */
export function violations({ messages, disorder }: Published, kept: Kept): string[] {
  const findings = new Findings();
  for (const line of disorder) findings.add('I7 order', line);
  const devices = new Set(messages.map(({ deviceId }) => deviceId));
  const readings = kept.readings.filter(({ deviceId }) => devices.has(deviceId));
  const quarantine = kept.quarantine.filter(({ deviceId }) => devices.has(deviceId));
  checkReadings(messages, readings, quarantine, findings);
  checkQuarantine(messages, quarantine, findings);
  for (const deviceId of devices) checkLedger(deviceId, messages, { ...kept, readings, quarantine }, findings);
  return findings.lines;
}

const say = (deviceId: string, ts: number | string, seq: number, value: number | undefined): string =>
  `${deviceId} ts ${ts} seq ${seq} value ${value}`;

function checkReadings(
  messages: readonly SentMessage[],
  stored: readonly StoredReading[],
  quarantine: readonly QuarantineRow[],
  findings: Findings,
): void {
  const timed = new Map<string, SentMessage>();
  // A reading that left its time to the server has a new one with each transmission; its value, which no other has, tells which it is.
  const untimed = new Map<string, { message: SentMessage; found: number }>();
  for (const message of messages) {
    if (message.reading === null) continue;
    const { metric, ts, seq, value } = message.reading;
    const { deviceId } = message;
    if (ts === null) untimed.set(`${deviceId} ${metric} ${value}`, { message, found: 0 });
    else timed.set(`${deviceId} ${metric} ${ts} ${seq % 1000}`, message);
  }
  const found = new Set<string>();
  for (const { deviceId, metric, ts, sequence, value } of stored) {
    const identity = `${deviceId} ${metric} ${ts} ${sequence}`;
    const sent = timed.get(identity);
    const loose = untimed.get(`${deviceId} ${metric} ${value}`);
    if (sent !== undefined) {
      if (found.has(identity)) findings.add('I2 doubled', say(deviceId, ts, sequence, value));
      if (sent.reading?.value !== value)
        findings.add('I2 wrong value', `${say(deviceId, ts, sequence, value)}, sent as ${sent.reading?.value}`);
      if (sent.fate === 'quarantined') findings.add('I3 stored', `${identity}, which is no reading`);
      found.add(identity);
    } else if (loose !== undefined) loose.found += 1;
    else findings.add('I3 invented', say(deviceId, ts, sequence, value));
  }
  const inQuarantine = new Set(
    quarantine.flatMap(({ deviceId, payload }) => valuesIn(payload).map((v) => `${deviceId} ${v}`)),
  );
  for (const [identity, { deviceId, reading, acknowledgements, fate }] of timed) {
    if (acknowledgements === 0 || found.has(identity)) continue;
    if (fate === 'either' && inQuarantine.has(`${deviceId} ${reading?.value}`)) continue;
    findings.add(
      'I1 lost',
      `${say(deviceId, reading?.ts ?? '', reading?.seq ?? 0, reading?.value)}, acknowledged ${acknowledgements} times`,
    );
  }
  for (const { message, found: times } of untimed.values()) {
    const { deviceId, reading, acknowledgements, transmissions } = message;
    const what = say(deviceId, 'of the server', reading?.seq ?? 0, reading?.value);
    if (times < acknowledgements && !inQuarantine.has(`${deviceId} ${reading?.value}`))
      findings.add('I1 lost', `${what}, acknowledged ${acknowledgements} times, stored ${times} times`);
    if (times > transmissions)
      findings.add('I2 doubled', `${what}, sent ${transmissions} times, stored ${times} times`);
  }
}

function checkQuarantine(
  messages: readonly SentMessage[],
  quarantine: readonly QuarantineRow[],
  findings: Findings,
): void {
  const rowsOf = new Map<string, number>();
  for (const { deviceId, payload } of quarantine) {
    const bytes = `${deviceId} ${payload}`;
    rowsOf.set(bytes, (rowsOf.get(bytes) ?? 0) + 1);
  }
  const sent = new Map(messages.map((message) => [`${message.deviceId} ${message.payload}`, message]));
  const values = new Set(messages.map(({ deviceId, reading }) => `${deviceId} ${reading?.value}`));
  for (const { deviceId, reason, detail, payload } of quarantine) {
    const message = sent.get(`${deviceId} ${payload}`);
    const what = `${deviceId} ${reason} (${detail}) ${payload.slice(0, 80)}`;
    if (message?.fate === 'stored') findings.add('I1 quarantined', what);
    // What the store did not take is kept as the device could have sent it, byte by byte another text.
    else if (message === undefined && !valuesIn(payload).some((value) => values.has(`${deviceId} ${value}`)))
      findings.add('I3 invented', `in quarantine: ${what}`);
  }
  for (const { deviceId, payload, fate, acknowledgements, transmissions } of messages) {
    if (fate !== 'quarantined') continue;
    const rows = rowsOf.get(`${deviceId} ${payload}`) ?? 0;
    if (rows < acknowledgements)
      findings.add(
        'I1 lost',
        `${deviceId} ${payload}: acknowledged ${acknowledgements} times, in quarantine ${rows} times`,
      );
    if (rows > transmissions)
      findings.add('I2 doubled', `${deviceId} ${payload}: sent ${transmissions} times, in quarantine ${rows} times`);
  }
}

function checkLedger(
  deviceId: string,
  messages: readonly SentMessage[],
  { readings, quarantine, ledger }: Kept,
  findings: Findings,
): void {
  const lines = ledger.filter((line) => line.deviceId === deviceId);
  for (const { hour, received, stored, duplicate, quarantined } of lines) {
    if (received !== stored + duplicate + quarantined)
      findings.add(
        'ledger equation',
        `${deviceId} at ${new Date(hour).toISOString()}: ${received} received, ${stored} stored, ${duplicate} duplicate, ${quarantined} quarantined`,
      );
    if (hour % HOUR_MS !== 0) findings.add('ledger hour', `${deviceId}: ${hour} begins no hour`);
  }
  const sum = (what: (line: LedgerRow) => number): number => lines.reduce((total, line) => total + what(line), 0);
  const own = messages.filter((message) => message.deviceId === deviceId);
  const total = (what: (message: SentMessage) => number): number =>
    own.reduce((all, message) => all + what(message), 0);
  const compare = (what: string, inLedger: number, elsewhere: number, where: string): void => {
    if (inLedger !== elsewhere)
      findings.add('ledger', `${deviceId}: ${inLedger} ${what} in the ledger, ${elsewhere} ${where}`);
  };
  compare(
    'stored',
    sum((line) => line.stored),
    readings.filter((one) => one.deviceId === deviceId).length,
    'in the store',
  );
  compare(
    'quarantined',
    sum((line) => line.quarantined),
    quarantine.filter((one) => one.deviceId === deviceId).length,
    'in quarantine',
  );
  // Every message of these devices holds one reading, or one fault.
  compare(
    'messages',
    sum((line) => line.messages),
    sum((line) => line.received),
    'received',
  );
  const counted = sum((line) => line.messages);
  const acknowledged = total((message) => message.acknowledgements);
  const transmitted = total((message) => message.transmissions);
  if (counted < acknowledged || counted > transmitted)
    findings.add('ledger', `${deviceId}: ${counted} messages, of ${acknowledged} acknowledged and ${transmitted} sent`);
  if (own.every(({ acknowledgements }) => acknowledgements > 0))
    compare(
      'missing',
      sum((line) => line.missing),
      0,
      'missing in truth',
    );
}

function valuesIn(payload: string): number[] {
  try {
    const { values } = JSON.parse(payload) as { values?: Record<string, number> };
    return Object.values(values ?? {});
  } catch {
    return [];
  }
}
