import { unreachable } from '@canh/core/canh-error';
import { HOUR_MS, type Instant } from '@canh/core/time/instant';
import { visible } from '../../../../console/src/views/visible.js';
import type { Finding } from './findings.js';

/** What was found, of whom, when, and the way out; in one line. */
export function findingWords(finding: Finding, when: (at: Instant) => string): string {
  const { kind, count, what, hours, times } = finding;
  const device = finding.deviceId === '' ? 'không rõ thiết bị / unknown device' : visible(finding.deviceId);
  const received = hours === null ? '' : ` received between ${when(hours.first)} and ${when(hours.last + HOUR_MS)}`;
  const measured =
    times === null
      ? ''
      : times.first === times.last
        ? ` (${when(times.first)})`
        : ` (${when(times.first)} to ${when(times.last)})`;
  const names = what.map(visible).join(', ');
  switch (kind) {
    case 'not-stored':
      return (
        `${device}: ${count} readings of ${names}${measured}${received} are not in the store. They are in the journal: ` +
        'if the store was replaced, the next start fills it again; if the device was moved before its moves were kept, they are under its old station; otherwise they are lost there, and this must be reported.'
      );
    case 'other-value':
      return `${device}: ${count} readings of ${names}${measured}${received} have another value in the store than in the journal. Somebody wrote to the store; the journal has what came.`;
    case 'no-row':
      return `${device}: ${count} faults (${names})${measured}${received} have no row in quarantine. Somebody removed them, or the records were restored from a backup; the bytes are still in the journal.`;
    case 'ledger':
      return `${device}: the ledger differs${received}: ${names}. The journal has what came; if the records were restored from a backup, the hours since are not in them.`;
    case 'readable-now':
      return `${device}: ${count} faults${received} could be read today, since devices or profiles were changed: 'canh quarantine replay --device ${device}' stores them.`;
    case 'replayed':
      return `${device}: ${count} faults${received} were handed in to be decoded again since.`;
    case 'was-readable':
      return `${device}: ${count} readings${received} could not be read today, since devices, profiles or settings were changed; they were readings when they came and cannot be looked for.`;
    case 'damaged':
      return `Nhật ký có ${count} chỗ không đọc được / the journal cannot be read at ${count} places; what is left of them is in quarantine. Check the disk.`;
    default:
      return unreachable(kind);
  }
}
