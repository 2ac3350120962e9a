import { onTransition } from '@canh/core/alerts/lifecycle';
import type { Alert } from '@canh/core/alerts/alert';
import type { Message, MessageKind } from '@canh/core/readings/message';
import { judge } from '@canh/core/rules/judge';
import { Rulebook } from '@canh/core/rules/rulebook';
import { RuleStates } from '@canh/core/rules/rule-states';
import type { Transition } from '@canh/core/rules/transition';
import { KnownDevices } from '@canh/core/stations/known-devices';
import { firstValueFrom, of } from 'rxjs';
import { readBatch } from '../../../apps/processor/src/read-batch.js';
import { REFUSED_VALUE } from './devices.js';
import type { SimulatedDisk } from './disk.js';
import { journalOf, type Kept } from './journal-content.js';
import { WINDOW } from './processes.js';
import { AREA, CATALOGUE, DEVICES, METRICS, STATIONS } from './province.js';
import type { Records } from './records.js';
import type { Sent } from './sent.js';
import { keyOf, type SeriesServer } from './series-server.js';

/** All that the oracle knows of a run: what senders were told, and what lies on disks and servers at its end. */
export interface Evidence {
  readonly disk: SimulatedDisk;
  readonly server: SeriesServer;
  readonly records: Records;
  readonly promised: ReadonlySet<Sent>;
  readonly sent: ReadonlySet<Sent>;
}

const HOUR_MS = 3_600_000;
const hourOf = (time: number): number => time - (time % HOUR_MS);
const KINDS: Readonly<Record<number, MessageKind>> = { 1: 'telemetry', 2: 'gateway-telemetry' };

interface Said {
  readonly deviceId: string;
  readonly metric: string;
  readonly measuredAt: number;
  readonly sequence: number;
  readonly value: number;
}

/** What a message means when it is received at that time, by what its sender says of it. */
function meaningOf(
  sent: Sent,
  receivedAt: number,
): { readings: Said[]; faults: { deviceId: string; reason: string }[]; counts: { deviceId: string; seq: number }[] } {
  const readings: Said[] = [];
  const faults: { deviceId: string; reason: string }[] = [];
  const counts: { deviceId: string; seq: number }[] = [];
  for (const { deviceId, points, fault } of sent.parts) {
    if (fault !== null) faults.push({ deviceId, reason: fault });
    for (const { ts, seq, values } of points) {
      const numbers = Object.entries(values).filter((entry): entry is [string, number] => typeof entry[1] === 'number');
      for (let bad = Object.keys(values).length - numbers.length; bad > 0; bad -= 1)
        faults.push({ deviceId, reason: 'not-a-number' });
      if (numbers.length === 0) continue;
      if (seq !== null) counts.push({ deviceId, seq });
      const measuredAt = ts ?? receivedAt;
      if (measuredAt < receivedAt - WINDOW.pastMs) faults.push({ deviceId, reason: 'too-old' });
      else if (measuredAt > receivedAt + WINDOW.futureMs) faults.push({ deviceId, reason: 'in-the-future' });
      else
        for (const [metric, value] of numbers)
          if (METRICS.has(metric)) readings.push({ deviceId, metric, measuredAt, sequence: (seq ?? 0) % 1_000, value });
          else faults.push({ deviceId, reason: 'unknown-metric' });
    }
  }
  return { readings, faults, counts };
}

interface Line {
  messages: number;
  received: number;
  stored: number;
  duplicate: number;
  late: number;
  conflict: number;
  refused: number;
  faults: Map<string, number>;
}

interface LedgerRow {
  hour: number;
  device_id: string;
  messages: number;
  received: number;
  stored: number;
  duplicate: number;
  late: number;
  missing: number;
}

/** Holds what is there against what was promised. `exactly`: nothing stood in the way of counting to the last one. */
export async function check(evidence: Evidence): Promise<{ wrong: string[]; exactly: boolean }> {
  const { server, records, promised } = evidence;
  const wrong: string[] = [];
  const journal = journalOf(evidence.disk);
  const sentOf = new Map([...evidence.sent].map((sent) => [nameOf(sent.senderId, sent.payload), sent]));
  const find = ({ senderId, payload }: Kept): Sent | undefined => sentOf.get(nameOf(senderId, payload));

  const inJournal = new Set<Sent>();
  for (const frame of journal.kept) {
    const sent = find(frame);
    if (sent === undefined) wrong.push(`I3: the journal holds at ${frame.offset} what nobody sent`);
    else inJournal.add(sent);
  }
  for (const sent of promised)
    if (!inJournal.has(sent))
      wrong.push(`I1: message ${sent.number} of ${sent.senderId} was acknowledged and is not in the journal`);

  // What vanished with the power after it had been read may have been stored, judged and counted, or not.
  const unsure = new Set<string>();
  const phantomKeys = new Set<string>();
  for (const frame of journal.phantoms)
    for (const part of find(frame)?.parts ?? []) {
      unsure.add(part.deviceId);
      unsure.add(frame.senderId);
      for (const said of meaningOf(find(frame)!, frame.receivedAt).readings) phantomKeys.add(keyOf(said));
    }

  const first = new Map<string, { value: number; hour: number; receivedAt: number }>();
  const lines = new Map<string, Line>();
  const line = (deviceId: string, hour: number): Line => {
    const name = `${deviceId} ${hour}`;
    let found = lines.get(name);
    if (found === undefined)
      lines.set(
        name,
        (found = {
          messages: 0,
          received: 0,
          stored: 0,
          duplicate: 0,
          late: 0,
          conflict: 0,
          refused: 0,
          faults: new Map(),
        }),
      );
    return found;
  };
  const quarantine = new Map<string, number>();
  const quarantined = (offset: number, reason: string): void => {
    const name = `${offset} ${reason}`;
    quarantine.set(name, (quarantine.get(name) ?? 0) + 1);
  };
  const seqs = new Map<string, { first: number; seen: Set<number> }>();
  const refusedAgain = new Set<string>();
  const disputed = new Set<string>();
  for (const frame of journal.kept) {
    const sent = find(frame);
    if (sent === undefined) continue;
    const hour = hourOf(frame.receivedAt);
    line(frame.senderId, hour).messages += 1;
    const { readings, faults, counts } = meaningOf(sent, frame.receivedAt);
    for (const { deviceId, reason } of faults) {
      const at = line(deviceId, hour);
      at.received += 1;
      at.faults.set(reason, (at.faults.get(reason) ?? 0) + 1);
      quarantined(frame.offset, reason);
    }
    for (const { deviceId, seq } of counts) {
      const known = seqs.get(deviceId);
      if (known === undefined) seqs.set(deviceId, { first: seq, seen: new Set([seq]) });
      else known.seen.add(seq);
    }
    for (const said of readings) {
      const key = keyOf(said);
      const at = line(said.deviceId, hour);
      at.received += 1;
      const before = first.get(key);
      if (said.value === REFUSED_VALUE) {
        if (before !== undefined) refusedAgain.add(said.deviceId);
        at.refused += 1;
        quarantined(frame.offset, 'store-refused');
        first.set(key, before ?? { value: said.value, hour, receivedAt: frame.receivedAt });
      } else if (before === undefined) {
        first.set(key, { value: said.value, hour, receivedAt: frame.receivedAt });
        at.stored += 1;
        if (said.measuredAt < frame.receivedAt - WINDOW.lateMs) at.late += 1;
      } else if (before.value === said.value) at.duplicate += 1;
      else {
        at.conflict += 1;
        disputed.add(key);
        quarantined(frame.offset, 'conflict');
      }
    }
  }

  // The store: every reading once, with the value that was accepted first.
  const forgetfulDevices = new Set([...server.forgotten].map((key) => key.slice(0, key.indexOf(' '))));
  for (const [key, { value, receivedAt }] of first) {
    if (value === REFUSED_VALUE) continue;
    const row = server.rows.get(key);
    if (row === undefined) wrong.push(`I2: ${key} = ${value} is not stored`);
    else if (row.value !== value && !phantomKeys.has(key) && !(server.forgotten.has(key) && disputed.has(key)))
      wrong.push(`I2: ${key} is stored as ${row.value}, and ${value} was accepted first`);
    else if (row.receivedAt !== receivedAt && !phantomKeys.has(key) && !server.forgotten.has(key))
      wrong.push(`I2: ${key} is stored as received at ${row.receivedAt}, and came first at ${receivedAt}`);
  }
  for (const [key, { times }] of server.rows) {
    if (!first.has(key) && !phantomKeys.has(key)) wrong.push(`I3: ${key} is stored, and nobody sent it`);
    if (times > 1) wrong.push(`I2: ${key} is stored ${times} times`);
  }

  // The quarantine: each fault once, and nothing else.
  const rows = records.rows<{ journal_offset: number; part: number; reason: string; device_id: string }>(
    'select journal_offset, part, reason, device_id from quarantine order by 1, 2',
  );
  const tolerated = (deviceId: string): boolean => unsure.has(deviceId);
  const found = new Map<string, number>();
  const deviceAt = new Map<string, string>();
  for (const { journal_offset, reason, device_id } of rows) {
    const name = `${journal_offset} ${reason}`;
    found.set(name, (found.get(name) ?? 0) + 1);
    deviceAt.set(name, device_id);
  }
  const hadPowerCut = evidence.disk.powerCuts > 0;
  for (const name of new Set([...quarantine.keys(), ...found.keys()])) {
    const [expected, actual] = [quarantine.get(name) ?? 0, found.get(name) ?? 0];
    if (expected === actual) continue;
    const reason = name.slice(name.indexOf(' ') + 1);
    const device = deviceAt.get(name) ?? '';
    if (reason === 'damaged' && hadPowerCut) continue;
    const frame = journal.kept.find(({ offset }) => offset === Number(name.slice(0, name.indexOf(' '))));
    const whose = device !== '' ? device : (frame?.senderId ?? '');
    if (tolerated(whose)) continue;
    if (reason === 'conflict' && forgetfulDevices.has(whose)) continue;
    if (reason === 'store-refused' && actual < expected && refusedAgain.has(whose)) continue;
    if (unsure.size > 0 && frame === undefined) continue;
    wrong.push(
      `I2: quarantine holds ${actual} × ${reason} of the message at ${name.slice(0, name.indexOf(' '))} (${whose}), expected ${expected}`,
    );
  }

  // The ledger.
  const ledger = records.rows<LedgerRow>('select * from ledger');
  const ofReason = new Map<string, number>();
  for (const { hour, device_id, reason, count } of records.rows<{
    hour: number;
    device_id: string;
    reason: string;
    count: number;
  }>('select * from ledger_quarantined'))
    ofReason.set(`${device_id} ${hour} ${reason}`, count);
  const seen = new Set<string>();
  for (const row of ledger) {
    const { device_id: deviceId, hour } = row;
    const name = `${deviceId} ${hour}`;
    seen.add(name);
    const sum = [...ofReason]
      .filter(([of]) => of.startsWith(`${name} `))
      .reduce((total, [, count]) => total + count, 0);
    if (row.received !== row.stored + row.duplicate + sum)
      wrong.push(
        `ledger: ${name}: received ${row.received} ≠ stored ${row.stored} + duplicate ${row.duplicate} + quarantined ${sum}`,
      );
    if (deviceId === '' || tolerated(deviceId)) continue;
    const expected = lines.get(name);
    if (expected === undefined) {
      if (row.received + row.messages > 0) wrong.push(`ledger: ${name} has a line, and nothing came`);
      continue;
    }
    const differs = (what: string, actual: number, right: number): void => {
      if (actual !== right) wrong.push(`ledger: ${name}: ${what} ${actual}, expected ${right}`);
    };
    const count = (reason: string): number => ofReason.get(`${name} ${reason}`) ?? 0;
    differs('messages', row.messages, expected.messages);
    differs('received', row.received, expected.received);
    for (const [reason, right] of expected.faults) differs(reason, count(reason), right);
    if (forgetfulDevices.has(deviceId))
      differs(
        'stored + duplicate + conflict + refused',
        row.stored + row.duplicate + count('conflict') + count('store-refused'),
        expected.stored + expected.duplicate + expected.conflict + expected.refused,
      );
    else {
      differs('stored', row.stored, expected.stored);
      differs('late', row.late, expected.late);
      differs('conflict', count('conflict'), expected.conflict);
      if (refusedAgain.has(deviceId))
        differs('duplicate + refused', row.duplicate + count('store-refused'), expected.duplicate + expected.refused);
      else {
        differs('duplicate', row.duplicate, expected.duplicate);
        differs('store-refused', count('store-refused'), expected.refused);
      }
    }
  }
  for (const [name, { messages, received }] of lines)
    if (!seen.has(name) && messages + received > 0 && !tolerated(name.slice(0, name.indexOf(' '))))
      wrong.push(`ledger: ${name} has no line, and ${messages} messages came`);
  const missing = new Map<string, number>();
  for (const { device_id, missing: numbers } of ledger) missing.set(device_id, (missing.get(device_id) ?? 0) + numbers);
  for (const [deviceId, { first: from, seen: numbers }] of seqs) {
    if (tolerated(deviceId)) continue;
    let right = 0;
    for (let seq = from; seq < Math.max(...numbers); seq += 1) if (!numbers.has(seq)) right += 1;
    if ((missing.get(deviceId) ?? 0) !== right)
      wrong.push(`ledger: ${missing.get(deviceId) ?? 0} numbers of ${deviceId} are missing, expected ${right}`);
  }

  wrong.push(...(await checkAlerts(evidence, journal.kept, unsure)));
  return { wrong, exactly: unsure.size === 0 && forgetfulDevices.size === 0 };
}

const nameOf = (senderId: string, payload: Buffer): string => `${senderId} ${payload.toString('latin1')}`;

interface EventRow {
  rule_id: string;
  station_id: string;
  at: number;
  kind: string;
  severity: string;
}

/** The alerts of a run without any fault over the same journal: the same, each once. */
async function checkAlerts(
  { records }: Evidence,
  kept: readonly Kept[],
  unsure: ReadonlySet<string>,
): Promise<string[]> {
  const inventory = { areas: [AREA], stations: STATIONS, devices: DEVICES };
  const devices = new KnownDevices(inventory, CATALOGUE.profiles);
  const rulebook = new Rulebook(CATALOGUE, inventory, devices);
  const entries = kept.map(({ offset, senderId, receivedAt, kind, payload }) => {
    const message: Message = { kind: KINDS[kind]!, deviceId: senderId, receivedAt, payload };
    return { offset, message };
  });
  const batch = readBatch(0, { entries, damaged: [], next: 1, behindBytes: 0 }, devices, WINDOW);
  const { transitions } = await firstValueFrom(of(batch.readings).pipe(judge(() => rulebook, new RuleStates([]))));
  const live = new Map<string, Alert>();
  const expected = new Map<string, string[]>();
  let notices = 0;
  for (const transition of transitions) {
    const { ruleId, stationId } = transition;
    const name = `${ruleId} at ${stationId}`;
    const step = onTransition(live.get(name) ?? null, transition);
    if (step === null) continue;
    live.set(name, step.alert);
    notices += step.effects.length;
    expected.set(name, [...(expected.get(name) ?? []), eventName(transition)]);
  }
  const unsureStations = new Set(DEVICES.filter(({ id }) => unsure.has(id)).map(({ stationId }) => stationId));
  const actual = new Map<string, string[]>();
  for (const row of records.rows<EventRow>('select * from alert_events order by change')) {
    const name = `${row.rule_id} at ${row.station_id}`;
    actual.set(name, [...(actual.get(name) ?? []), `${row.kind} ${row.severity} at ${row.at}`]);
  }
  const wrong: string[] = [];
  for (const name of new Set([...expected.keys(), ...actual.keys()])) {
    const [right, is] = [(expected.get(name) ?? []).join(', '), (actual.get(name) ?? []).join(', ')];
    if (new Set(actual.get(name)).size !== (actual.get(name) ?? []).length)
      wrong.push(`I5: ${name} has an event twice: ${is}`);
    if (right !== is && !unsureStations.has(name.slice(name.indexOf('station-'))))
      wrong.push(`I4: ${name}: ${is === '' ? 'nothing' : is}; expected ${right === '' ? 'nothing' : right}`);
  }
  const told = records.rows<{ count: number }>('select count(*) as count from notices')[0]!.count;
  if (unsureStations.size === 0 && told !== notices) wrong.push(`I4: ${told} notices, expected ${notices}`);
  return wrong;
}

function eventName(transition: Transition): string {
  const severity = transition.kind === 'returned' ? transition.previous : transition.severity;
  return `${transition.kind} ${severity} at ${transition.at}`;
}
