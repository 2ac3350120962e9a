import type { AlertEvent, AlertState } from '@canh/core/alerts/alert';
import type { ChannelName, DeliveryState, Outcome } from '@canh/core/dispatch/notice';
import type { Severity } from '@canh/core/rules/rule';
import type { QuarantineReason } from '@canh/core/readings/quarantine';
import type { CommandState } from '@canh/core/stations/device-commands';
import type { DeviceKind } from '@canh/core/stations/profile';

/** What the API answers with. Times are milliseconds since the epoch, UTC. */

export class LocalTextView {
  vi!: string;
  en!: string;
}

export class OperatorView {
  id!: string;
  login!: string;
  name!: string;
  role!: 'admin' | 'officer';
  language!: 'vi' | 'en';
}

/** Who is signed in, and what the page needs to know of the server. */
export class SessionView {
  operator!: OperatorView;
  /** IANA name of the province's time zone. */
  timezone!: string;
  /** The server's clock. */
  now!: number;
  /** Where the demonstration's mailbox can be read, when there is one. */
  demoInboxUrl!: string | null;
}

/** The newest value of one metric of a station. */
export class LatestValueView {
  metric!: string;
  value!: number;
  /** QARTOD: 1 good, 2 not evaluated, 3 suspect, 4 failed. */
  flag!: number;
  measuredAt!: number;
  receivedAt!: number;
}

export class MetricView {
  name!: string;
  names!: LocalTextView;
  /** UCUM code. */
  unit!: string;
  decimals!: number;
}

export class LimitView {
  name!: string;
  metric!: string;
  value!: number;
  validFrom!: number | null;
  validTo!: number | null;
  document!: string;
}

export class StationView {
  id!: string;
  names!: LocalTextView;
  kind!: DeviceKind;
  areaNames!: LocalTextView;
  ownerUnit!: string;
  latitude!: number;
  longitude!: number;
  profileId!: string;
  /** A healthy device of this station reports this often. */
  intervalMs!: number;
  metrics!: MetricView[];
  limits!: LimitView[];
  latest!: LatestValueView[];
}

export class EvidenceView {
  deviceId!: string;
  metric!: string;
  value!: number;
  measuredAt!: number;
  receivedAt!: number;
  /** Null where no limit is in force any more. */
  limit!: number | null;
  /** `alarm_1`…`alarm_3` or another limit of the station; null for a number written in the rule. */
  limitName!: string | null;
  document!: string | null;
}

export class GuidanceView {
  cause!: LocalTextView;
  consequence!: LocalTextView;
  response!: LocalTextView;
}

export class AlertView {
  id!: string;
  /** Send it back with an action; a newer one means that somebody or something was quicker. */
  version!: number;
  state!: AlertState;
  severity!: Severity;
  worst!: Severity;
  ruleId!: string;
  ruleVersion!: number;
  ruleNames!: LocalTextView;
  stationId!: string;
  stationNames!: LocalTextView;
  areaNames!: LocalTextView;
  since!: number;
  raisedAt!: number;
  returnedAt!: number | null;
  acknowledgedAt!: number | null;
  acknowledgedBy!: string | null;
  evidence!: EvidenceView;
  unit!: string;
  decimals!: number;
}

export class AlertEventView {
  kind!: AlertEvent['kind'];
  at!: number;
  severity!: Severity;
  /** The person's name, or null for the rule. */
  by!: string | null;
  note!: string | null;
  evidence!: EvidenceView | null;
}

export class AttemptView {
  at!: number;
  outcome!: Outcome['kind'];
  /** The other side's own words. */
  answer!: string;
}

export class DeliveryView {
  id!: string;
  event!: 'raised' | 'escalated' | 'returned';
  contactName!: string;
  channel!: ChannelName;
  address!: string;
  state!: DeliveryState;
  /** It is told together with other alerts, in one message. */
  digest!: boolean;
  nextAttemptAt!: number | null;
  attempts!: AttemptView[];
}

export class AlertDetailView {
  alert!: AlertView;
  guidance!: GuidanceView;
  history!: AlertEventView[];
  deliveries!: DeliveryView[];
}

export class BucketView {
  at!: number;
  min!: number;
  max!: number;
  mean!: number;
  count!: number;
  /** The least trusted flag among them. */
  flag!: number;
}

/** From when on an alert had a severity. */
export class SeverityStepView {
  at!: number;
  severity!: Severity;
}

/** When an alert of the station was firing inside the asked span. */
export class FiringView {
  alertId!: string;
  /** The worst it has been. */
  severity!: Severity;
  /** When its condition began: until `from` it was held, and told to nobody. */
  since!: number;
  from!: number;
  /** Null: still firing. */
  to!: number | null;
  /** The first is at `from`. */
  steps!: SeverityStepView[];
}

export class SeriesView {
  stationId!: string;
  metric!: string;
  unit!: string;
  decimals!: number;
  from!: number;
  to!: number;
  bucketMs!: number;
  buckets!: BucketView[];
  limits!: LimitView[];
  firing!: FiringView[];
}

export class QuarantinedView {
  /** Names the entry, with `part`. */
  offset!: number;
  part!: number;
  deviceId!: string;
  /** Under whose credential it came, where that is another device. */
  senderId!: string;
  receivedAt!: number;
  reason!: QuarantineReason;
  detail!: string;
  /** The first bytes as text, control characters escaped: 4 KiB where one device was asked for, otherwise 240 bytes. */
  excerpt!: string;
  /** The same bytes in hexadecimal where they are no UTF-8; null where they are. */
  hex!: string | null;
  bytes!: number;
  /** Its bytes are a message that can be decoded again. */
  replayable!: boolean;
  /** When it was handed in to be decoded again; null: never. */
  replayedAt!: number | null;
}

export class QuarantineCountView {
  reason!: QuarantineReason;
  count!: number;
}

export class QuarantineView {
  /** Of everything that was ever quarantined, whatever was asked for. */
  counts!: QuarantineCountView[];
  /** Newest first, of what was asked for. */
  newest!: QuarantinedView[];
}

export class ReplayRequestedView {
  /** So many messages will be decoded again. */
  messages!: number;
}

/** What became of everything: received = stored + duplicate + the sum of quarantined. */
export class LedgerFiguresView {
  /** Messages under the device's own credential. */
  messages!: number;
  /** Readings, and what could be none. */
  received!: number;
  stored!: number;
  duplicate!: number;
  /** Of those stored: measured long before they were received. */
  late!: number;
  /** Numbers that the device passed over when it counted what it sends. */
  missing!: number;
  quarantined!: QuarantineCountView[];
}

/** One device and one hour of receiving. */
export class LedgerLineView extends LedgerFiguresView {
  /** Empty where it is not known whose it was. */
  deviceId!: string;
  /** Null for a device that is not registered (any more). */
  stationId!: string | null;
  stationNames!: LocalTextView | null;
  /** The beginning of the hour. */
  hour!: number;
}

/** How far the store and the ledger are. */
export class BooksView {
  /** Everything received until then is stored and in the ledger; null: nothing came since the processor was started. */
  accountedUpTo!: number | null;
  /** Bytes of the journal that are not stored yet. */
  behindBytes!: number;
  /** Since when the store takes nothing; null while it does. */
  waitingSince!: number | null;
  /** What stops work, in the words of the part that stopped. */
  problems!: string[];
}

export class LedgerView {
  /** The first moment of the first hour, and the first moment after the last. */
  from!: number;
  to!: number;
  /** The server's clock when it answered. */
  now!: number;
  /** By hour, newest first, then by device; 5,000 at most. */
  lines!: LedgerLineView[];
  /** Of `lines`. */
  totals!: LedgerFiguresView;
  /** There are older lines than these in the span. */
  more!: boolean;
  /** Null while the processor does not answer. */
  books!: BooksView | null;
}

/** A reading as it is stored. */
export class StoredReadingView {
  metric!: string;
  metricNames!: LocalTextView;
  unit!: string;
  decimals!: number;
  value!: number;
  /** QARTOD: 1 good, 2 not evaluated, 3 suspect, 4 failed. */
  flag!: number;
  measuredAt!: number;
  /** Tells readings of one millisecond apart. */
  sequence!: number;
  receivedAt!: number;
}

export class LedgerReadingsView {
  deviceId!: string;
  hour!: number;
  /** How many the ledger says were stored. */
  stored!: number;
  /** Those received in that hour, newest first, 2,000 at most; some that were measured days before are not looked for. */
  readings!: StoredReadingView[];
}

/** What a device was asked to do and what became of it, in the words of `canh device commands`. */
export class DeviceCommandView {
  /** Its number; the device has it in the topic. */
  command!: number;
  device!: string;
  method!: string;
  /** Any JSON value. */
  params!: unknown;
  /** The person's name, or the login at the command line. */
  by!: string;
  /**
   * `waiting` kept until the device listens · `sent` on its way, or kept in the session of a device that is away · `delivered` acknowledged by
   * the device · `unconfirmed` sent to a subscription of QoS 0, which acknowledges nothing · `answered` · `expired` not delivered in time ·
   * `dropped` the session that it was kept for has ended.
   */
  state!: CommandState;
  created!: number;
  /** Not delivered any more from then on. */
  expires!: number;
  sent!: number | null;
  /** Through whose connection or session it was sent, where that is not the device's own: its gateway. */
  through!: string | null;
  delivered!: number | null;
  answered!: number | null;
  /** What the device answered, as it came; in lists the first 4,096 characters. */
  answer!: string | null;
  /** There is more of the answer: ask for the one command. */
  answerCut!: boolean;
}

/** A device of a station. */
export class DeviceView {
  id!: string;
  name!: string;
  profileId!: string;
  /** The device that may publish for it. */
  gatewayId!: string | null;
  /** The newest first, five at most. */
  commands!: DeviceCommandView[];
}

/**
 * One message of `GET /api/live`, as JSON in the data of an event named by `kind`. Every event's id is the number of the latest alert
 * change this browser was told of. What is asked of the lists after the first beat leaves no gap to what the stream tells.
 */
export type LiveMessage =
  /** Every 10 s, and first of all: the server's clock is the proof of life. There is none while the processor does not answer. */
  | { kind: 'beat'; now: number; readingsStored: number; journalBehindBytes: number }
  /** Alerts as they are now; sent when they change. A browser resumes from `change`. */
  | { kind: 'alerts'; now: number; change: number; alerts: AlertView[] }
  /** Newest values that changed since the last such message. */
  | { kind: 'latest'; now: number; stations: { stationId: string; latest: LatestValueView[] }[] };

/** Every refusal of the API. */
export class ProblemView {
  statusCode!: number;
  /** One word for programs, e.g. `alert-stale`. */
  code!: string;
  /** What, which and the way out, for a person. */
  message!: string;
}
