import type { LedgerLine } from '@canh/core/series/ledger';
import type { Findings } from './findings.js';

const FIGURES = ['messages', 'received', 'stored', 'duplicate', 'late'] as const;

interface Compared {
  /** Of `perhapsReadings`, those in which the ledger says something else. */
  readonly wereReadings: ReadonlySet<string>;
  readonly hours: number;
}

/** Holds the sums of the journal against the ledger, line by line. */
export function compareLines({
  ours,
  booked,
  decodedOtherwise,
  perhapsReadings,
  countsWhole,
  found,
}: {
  readonly ours: readonly LedgerLine[];
  readonly booked: readonly LedgerLine[];
  /** Lines, as `hour deviceId`, that cannot be compared. */
  readonly decodedOtherwise: ReadonlySet<string>;
  /** Lines with faults today that have no row in quarantine, and may have been readings. */
  readonly perhapsReadings: ReadonlySet<string>;
  /** What the devices counted was read from their first message on, so that what is missing can be compared. */
  readonly countsWhole: boolean;
  readonly found: Findings;
}): Compared {
  const nameOf = ({ hour, deviceId }: LedgerLine): string => `${hour} ${deviceId}`;
  const otherwise = new Set([...decodedOtherwise].map((name) => name.slice(name.indexOf(' ') + 1)));
  const lines = new Map(booked.map((line) => [nameOf(line), line]));
  const wereReadings = new Set<string>();
  const hours = new Set<number>();
  for (const line of ours) {
    const name = nameOf(line);
    const other = lines.get(name);
    lines.delete(name);
    hours.add(line.hour);
    if (decodedOtherwise.has(name)) continue;
    const wrong = differing(line, other ?? null);
    if (countsWhole && other !== undefined && other.missing !== line.missing && !otherwise.has(line.deviceId))
      wrong.push(says('missing', line.missing, other.missing));
    if (wrong.length > 0 && perhapsReadings.has(name)) wereReadings.add(name);
    else for (const says of wrong) found.difference('ledger', line.deviceId, says, line.hour, null);
  }
  for (const [name, line] of lines)
    if (!decodedOtherwise.has(name) && (line.messages > 0 || countable(line).received > 0))
      found.difference('ledger', line.deviceId, 'a line without messages in the journal', line.hour, null);
  return { wereReadings, hours: hours.size };
}

function differing(ours: LedgerLine, booked: LedgerLine | null): string[] {
  if (booked === null) return ['no line'];
  const [a, b] = [countable(ours), countable(booked)];
  const figures = FIGURES.flatMap((name) => (a[name] === b[name] ? [] : [says(name, a[name], b[name])]));
  const reasons = new Set([...Object.keys(a.quarantined), ...Object.keys(b.quarantined)]);
  return [
    ...figures,
    ...[...reasons].flatMap((reason) => {
      const [journal, ledger] = [a.quarantined[reason] ?? 0, b.quarantined[reason] ?? 0];
      return journal === ledger ? [] : [says(reason, journal, ledger)];
    }),
  ];
}

const says = (name: string, journal: number, ledger: number): string =>
  `${name}: ${journal} in the journal, ${ledger} in the ledger`;

/** Without damage: how rot is cut into stretches depends on where a read ended. */
function countable({ quarantined, received, ...line }: LedgerLine): Omit<LedgerLine, 'quarantined'> & {
  readonly quarantined: Readonly<Record<string, number>>;
} {
  const { damaged = 0, ...others } = quarantined;
  return { ...line, received: received - damaged, quarantined: others };
}
