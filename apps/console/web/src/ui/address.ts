import type { QuarantineReason } from '@canh/core/readings/quarantine';
import type { Severity } from '@canh/core/rules/rule';
import type { DeviceKind } from '@canh/core/stations/profile';
import { useSyncExternalStore } from 'react';
import type { LedgerLength } from '../api/ledger.js';
import type { Period } from '../api/stations.js';

export type View = 'alerts' | 'stations' | 'ledger' | 'quarantine';
/** What is opened of a line of the ledger. */
export type LedgerShow = 'stored' | 'quarantined';

/** What is being looked at: filters, selection, period. All of it stands in the address, so it can be sent, kept and gone back to. */
export interface Address {
  readonly view: View;
  readonly alert: string | null;
  readonly station: string | null;
  readonly metric: string | null;
  readonly period: Period;
  readonly severity: Severity | null;
  readonly unacknowledged: boolean;
  readonly q: string;
  readonly kind: DeviceKind | null;
  readonly overdue: boolean;
  readonly reason: QuarantineReason | null;
  /** How far back the ledger goes. */
  readonly length: LedgerLength;
  /** The one device of the ledger; empty: what came from nobody who is known. */
  readonly device: string | null;
  /** The line of the ledger that is opened. */
  readonly line: LineId | null;
  readonly show: LedgerShow;
}

/** A line of the ledger: `1763769600000:thach-han-1`. */
export type LineId = `${number}:${string}`;

export const lineId = ({ hour, deviceId }: { readonly hour: number; readonly deviceId: string }): LineId =>
  `${hour}:${deviceId}`;

export function lineOf(id: LineId): { readonly hour: number; readonly deviceId: string } {
  const end = id.indexOf(':');
  return { hour: Number(id.slice(0, end)), deviceId: id.slice(end + 1) };
}

const plain: Address = {
  view: 'alerts',
  alert: null,
  station: null,
  metric: null,
  period: '6h',
  severity: null,
  unacknowledged: false,
  q: '',
  kind: null,
  overdue: false,
  reason: null,
  length: '24h',
  device: null,
  line: null,
  show: 'stored',
};

const oneOf = <Word extends string>(word: string | null, known: Record<Word, true>): Word | null =>
  word !== null && Object.hasOwn(known, word) ? (word as Word) : null;

/** Reads an address; what it does not know is passed over, since people edit and cut addresses. */
export function readAddress(search: string): Address {
  const params = new URLSearchParams(search);
  return {
    view:
      oneOf<View>(params.get('view'), { alerts: true, stations: true, ledger: true, quarantine: true }) ?? plain.view,
    alert: params.get('alert'),
    station: params.get('station'),
    metric: params.get('metric'),
    period: oneOf<Period>(params.get('period'), { '6h': true, '24h': true, '7d': true }) ?? plain.period,
    severity: oneOf<Severity>(params.get('severity'), { critical: true, major: true, warning: true }),
    unacknowledged: params.get('unacknowledged') === '1',
    q: params.get('q') ?? '',
    kind: oneOf<DeviceKind>(params.get('kind'), {
      water: true,
      environmental: true,
      'traffic-camera': true,
      system: true,
    }),
    overdue: params.get('overdue') === '1',
    // Any word: a newer server may know reasons that this page does not.
    reason: params.get('reason') as QuarantineReason | null,
    length:
      oneOf<LedgerLength>(params.get('length'), { '1h': true, '6h': true, '24h': true, '7d': true }) ?? plain.length,
    device: params.get('device'),
    line: /^\d{1,15}:/.test(params.get('line') ?? '') ? (params.get('line') as LineId) : null,
    show: oneOf<LedgerShow>(params.get('show'), { stored: true, quarantined: true }) ?? plain.show,
  };
}

export function writeAddress(address: Address): string {
  const params = new URLSearchParams();
  for (const key of Object.keys(plain) as (keyof Address)[]) {
    const value = address[key];
    if (value !== null && value !== plain[key]) params.set(key, value === true ? '1' : String(value));
  }
  const search = params.toString();
  return search === '' ? '' : `?${search}`;
}

const listeners = new Set<() => void>();
let known = { search: '', address: plain };

function current(): Address {
  const { search } = window.location;
  if (known.search !== search) known = { search, address: readAddress(search) };
  return known.address;
}

function subscribe(changed: () => void): () => void {
  listeners.add(changed);
  window.addEventListener('popstate', changed);
  return () => {
    listeners.delete(changed);
    window.removeEventListener('popstate', changed);
  };
}

export function useAddress(): Address {
  return useSyncExternalStore(subscribe, current);
}

/** Goes there. A filter or a letter in the search replaces the entry, so that "back" leads to the page before and not to the letter before. */
export function go(change: Partial<Address>, how: 'push' | 'replace' = 'push'): void {
  const search = writeAddress({ ...current(), ...change });
  if (search === window.location.search) return;
  const url = `${window.location.pathname}${search}`;
  if (how === 'push') window.history.pushState(null, '', url);
  else window.history.replaceState(null, '', url);
  for (const changed of [...listeners]) changed();
}

/** `/alerts/ID` and `/stations/ID`, as messages and other systems write them, become an address of this page; null: it is one. */
export function addressOfPath(pathname: string, search: string): string | null {
  const [, kind, id] = /^\/(alerts|stations)\/([^/]+)\/?$/.exec(pathname) ?? [];
  if (kind === undefined || id === undefined) return pathname === '/' ? null : `/${search}`;
  let name: string;
  try {
    name = decodeURIComponent(id);
  } catch {
    name = id; // cut in the middle of an escape: it will be shown as not found
  }
  const address = readAddress(search);
  return `/${writeAddress(kind === 'alerts' ? { ...address, alert: name } : { ...address, view: 'stations', station: name })}`;
}

/** Once, before the page is drawn. */
export function settleAddress(): void {
  const better = addressOfPath(window.location.pathname, window.location.search);
  if (better !== null) window.history.replaceState(null, '', better);
}
