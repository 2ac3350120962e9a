import type { AlertEvent, AlertState } from '@canh/core/alerts/alert';
import type { NoticeEvent } from '@canh/core/alerts/lifecycle';
import type { Role } from '@canh/core/alerts/operators';
import type { ChannelName, DeliveryState, Outcome } from '@canh/core/dispatch/notice';
import type { QuarantineReason } from '@canh/core/readings/quarantine';
import type { ReplayableKind } from '@canh/core/readings/replayed';
import type { Follower } from '@canh/core/rules/checkpoints';
import type { Severity } from '@canh/core/rules/rule';
import type { CommandState } from '@canh/core/stations/device-commands';
import type { Language } from '@canh/core/stations/local-text';

/**
 * The tables of the records. Times are milliseconds as integers, yes and no are 1 and 0, documents are JSON as text: what SQLite and
 * PostgreSQL both take without translation.
 */
export interface Schema {
  counters: { name: Counter; value: number };
  areas: {
    id: string;
    name_vi: string;
    name_en: string;
    parent_id: string | null;
    valid_from: number | null;
    valid_to: number | null;
  };
  stations: {
    id: string;
    name_vi: string;
    name_en: string;
    area_id: string;
    owner_unit: string;
    latitude: number;
    longitude: number;
    profile_id: string;
  };
  /** `place` keeps the order in which the limits were handed in. */
  limits: {
    station_id: string;
    place: number;
    name: string;
    metric: string;
    value: number;
    valid_from: number | null;
    valid_to: number | null;
    document: string;
  };
  devices: { id: string; name: string; station_id: string; profile_id: string; gateway_id: string | null };
  /** What a device was before `until`. */
  former_devices: {
    device_id: string;
    until: number;
    name: string;
    station_id: string;
    profile_id: string;
    gateway_id: string | null;
  };
  device_tokens: { token_hash: string; device_id: string; valid_until: number | null };
  device_passwords: { device_id: string; password_hash: string };
  device_revocations: { device_id: string; revoked_at: number };
  device_commands: {
    id: number;
    device_id: string;
    method: string;
    params: string;
    requested_by: string;
    created_at: number;
    expires_at: number;
    state: CommandState;
    sent_at: number | null;
    delivered_at: number | null;
    answered_at: number | null;
    answer: string | null;
    sent_through: string | null;
  };
  device_attributes: { device_id: string; name: string; value: string; at: number };
  quarantine: {
    journal_offset: number;
    part: number;
    device_id: string;
    received_at: number;
    reason: QuarantineReason;
    detail: string;
    payload: Uint8Array;
    payload_bytes: number;
    /** Null where the bytes are no message that could be read again, and where the row is older than this column. */
    kind: ReplayableKind | null;
    sender_id: string;
  };
  /** What somebody asked to be read once more; null until it was handed in. */
  quarantine_replays: { journal_offset: number; part: number; replayed_at: number | null };
  quarantine_counts: { reason: QuarantineReason; count: number };
  followers: { follower: Follower | 'ledger' | 'ledger-from'; journal_offset: number };
  ledger: {
    hour: number;
    device_id: string;
    messages: number;
    received: number;
    stored: number;
    duplicate: number;
    late: number;
    missing: number;
  };
  ledger_quarantined: { hour: number; device_id: string; reason: QuarantineReason; count: number };
  /** `lines` is an array of LedgerLine, as JSON. */
  ledger_begun: { from_offset: number; next_offset: number; lines: string };
  device_counts: { device_id: string; state: string };
  /** When everything before that place was stored. The newer, the further. */
  store_marks: { at: number; journal_offset: number };
  /** One row. */
  store_seen: { only: 1; started_at: number; seen_at: number };
  rule_states: { rule_id: string; station_id: string; state: string };
  /** `alert` is the whole of it; the other columns are what it is looked for by. */
  alerts: {
    id: string;
    rule_id: string;
    station_id: string;
    state: AlertState;
    severity: Severity;
    since: number;
    raised_at: number;
    returned_at: number | null;
    change: number;
    alert: string;
  };
  alert_events: {
    change: number;
    alert_id: string;
    rule_id: string;
    station_id: string;
    kind: AlertEvent['kind'];
    at: number;
    severity: Severity;
    /** Null for the rule. */
    operator_id: string | null;
    note: string | null;
    evidence: string | null;
  };
  notices: {
    id: string;
    /** The change of the alert that it tells of. */
    change: number;
    alert_id: string;
    event: NoticeEvent;
    created_at: number;
    alert: string;
    planned: 0 | 1;
    urgent: 0 | 1;
  };
  /** One message to one contact, who is kept as they were when it was planned. */
  deliveries: {
    id: string;
    kind: 'single' | 'digest';
    /** What it tells of; the first that it tells of, where it is a digest. */
    notice_id: string;
    place: number;
    contact_id: string;
    contact_name: string;
    channel: ChannelName;
    address: string;
    language: Language;
    from_severity: Severity;
    /** `collecting`: a digest that still takes up notices, until `next_attempt_at`. */
    state: DeliveryState | 'collecting';
    attempts: number;
    next_attempt_at: number | null;
    /** When it was planned; when it was closed, where it is a digest. */
    planned_at: number;
    incidents: number;
    notices: number;
  };
  /** Which delivery tells this contact of this notice. */
  told: { notice_id: string; contact_id: string; place: number; delivery_id: string };
  attempts: { delivery_id: string; number: number; at: number; outcome: Outcome['kind']; answer: string };
  contacts: {
    id: string;
    name: string;
    channel: ChannelName;
    address: string;
    language: Language;
    from_severity: Severity;
  };
  /** Of contacts whose e-mail address is not confirmed. `next_attempt_at`, of the mail with the code, is 0 before the first. */
  confirmations: {
    contact_id: string;
    code: string;
    mail_id: string;
    state: DeliveryState;
    attempts: number;
    next_attempt_at: number | null;
  };
  operators: { id: string; login: string; name: string; role: Role; language: Language; password_hash: string };
  sessions: { token_hash: string; operator_id: string; started_at: number; used_at: number };
}

/**
 * Numbers that only go up, or that count rows. A row of its own and not a sequence: raised inside the transaction, the numbers appear to
 * readers in their order.
 */
export type Counter =
  | 'registry-version'
  | 'alert-change'
  | 'quarantine-rows'
  | 'quarantine-bytes'
  | 'device-command'
  | 'clock-believed'
  | 'clock-doubted';
