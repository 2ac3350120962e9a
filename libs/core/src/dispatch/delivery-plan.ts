import { HOUR_MS, type Instant } from '../time/instant.js';
import { isUrgent, type Contact, type Notice } from './notice.js';
import { recipients } from './plan.js';
import type { TellingBounds } from './telling-bounds.js';

/** A digest that still takes up notices. Those of one contact are closed together. */
export interface OpenDigest {
  readonly id: string;
  readonly contact: Contact;
  readonly incidents: number;
  readonly notices: number;
  readonly closesAt: Instant;
}

/** What the records say before notices are planned. */
export interface Situation {
  readonly now: Instant;
  /** Single messages by `recipientKey`: those planned within the window, and older ones that are not delivered yet. */
  readonly singles: ReadonlyMap<string, number>;
  /** In the order in which they were opened. */
  readonly open: readonly OpenDigest[];
  /** Which of them hold notices of the alerts in hand, and how many. */
  readonly held: readonly { readonly digestId: string; readonly alertId: string; readonly notices: number }[];
  /** Contacts whose address is not confirmed, by id: all for them waits in digests. */
  readonly unconfirmed: ReadonlySet<string>;
  /** When the latest digest of a contact was closed, by the contact's id. */
  readonly closedAt: ReadonlyMap<string, Instant>;
}

/** That this contact is told of this notice, and by which message. */
export interface Telling {
  readonly notice: Notice;
  readonly contact: Contact;
  readonly deliveryId: string;
}

/** What follows for some notices; to be saved together. */
export interface DeliveryPlan {
  /** One message each, named by their notice and contact. */
  readonly singles: readonly Telling[];
  /** Digests that begin with this notice. */
  readonly opened: readonly Telling[];
  /** Open digests, new ones among them, as they are now. */
  readonly digests: readonly OpenDigest[];
  /** What an open digest held of an alert goes with a single message instead, which says all of it and more. */
  readonly moves: readonly { readonly from: string; readonly to: string; readonly alertId: string }[];
  readonly tellings: readonly Telling[];
  /** Notices that no contact wants. */
  readonly nobody: readonly Notice[];
}

/** Names a message for ever; the same for the same arguments. */
export type NameOf = (kind: 'single' | 'digest', notice: Notice, contact: Contact) => string;

/** Notices per incident that a digest takes up at most on average: a value that swings about its limit must not make it grow without end. */
const NOTICES_PER_INCIDENT = 4;
/** A digest whose predecessor cannot be delivered waits for it, not longer than this. */
export const HELD_AT_MOST_MS = HOUR_MS;

/** Whose attention it is: two contacts with one address are one person. */
export function recipientKey({ channel, address }: Pick<Contact, 'channel' | 'address'>): string {
  return `${channel} ${address.toLowerCase()}`;
}

/**
 * By which message each contact is told of each notice: by one of its own while the address has had few of them, otherwise together with
 * others in a digest. Each notice for each contact ends up in exactly one message.
 */
export function planDeliveries(
  notices: readonly Notice[],
  contacts: readonly Contact[],
  situation: Situation,
  bounds: TellingBounds,
  nameOf: NameOf,
): DeliveryPlan {
  const plan = new Planning(situation, bounds, nameOf);
  const nobody: Notice[] = [];
  for (const notice of notices) {
    const to = recipients(notice, contacts);
    if (to.length === 0) nobody.push(notice);
    for (const contact of to) plan.tell(notice, contact);
  }
  return { ...plan.result(), nobody };
}

/** The digests that are complete now, by their ids. `busy`: contacts to whom a digest is still on its way. */
export function completeDigests(
  open: readonly OpenDigest[],
  busy: ReadonlySet<string>,
  now: Instant,
  { digestWaitMs, digestEveryMs }: TellingBounds,
): string[] {
  // A time further ahead than any wait is of a clock that was set back since.
  const latest = now + digestWaitMs + digestEveryMs;
  const complete = new Set<string>();
  for (const { contact, closesAt } of open) {
    const heldBack = busy.has(contact.id) && closesAt > now - HELD_AT_MOST_MS;
    if ((closesAt <= now && !heldBack) || closesAt > latest) complete.add(contact.id);
  }
  return open.filter(({ contact }) => complete.has(contact.id)).map(({ id }) => id);
}

/** How far a notice may go towards the bounds for this contact. */
type Lane = 'any' | 'first' | 'critical';

function laneOf({ event, alert }: Notice): Lane {
  if (event === 'returned') return 'any';
  if (isUrgent(event, alert)) return 'critical';
  const isNews = event === 'escalated' || (event === 'raised' && alert.version === 1);
  return isNews ? 'first' : 'any';
}

interface Collecting {
  digest: OpenDigest;
  /** Notices held of the alerts in hand, by alert. */
  readonly held: Map<string, number>;
}

class Planning {
  private readonly singles: Telling[] = [];
  private readonly opened: Telling[] = [];
  private readonly moves: { from: string; to: string; alertId: string }[] = [];
  private tellings: Telling[] = [];
  private readonly used: Map<string, number>;
  private readonly collecting = new Map<string, Collecting[]>();
  private readonly changed = new Set<Collecting>();

  constructor(
    private readonly situation: Situation,
    private readonly bounds: TellingBounds,
    private readonly nameOf: NameOf,
  ) {
    this.used = new Map(situation.singles);
    const byId = new Map<string, Collecting>();
    for (const digest of situation.open) {
      const collecting: Collecting = { digest, held: new Map() };
      byId.set(digest.id, collecting);
      this.of(digest.contact).push(collecting);
    }
    for (const { digestId, alertId, notices } of situation.held) byId.get(digestId)?.held.set(alertId, notices);
  }

  tell(notice: Notice, contact: Contact): void {
    const key = recipientKey(contact);
    const used = this.used.get(key) ?? 0;
    const lane = laneOf(notice);
    const waiting = this.of(contact).filter(({ held }) => held.has(notice.alert.id));
    // What follows something that waits would overtake it.
    const mayGo = (waiting.length === 0 || lane === 'critical') && !this.situation.unconfirmed.has(contact.id);
    if (!mayGo || used >= this.bounds[lane]) return this.collect(notice, contact, lane);
    const telling: Telling = { notice, contact, deliveryId: this.nameOf('single', notice, contact) };
    this.used.set(key, used + 1);
    for (const collecting of waiting) this.move(collecting, telling);
    this.singles.push(telling);
    this.tellings.push(telling);
  }

  result(): Omit<DeliveryPlan, 'nobody'> {
    const { singles, opened, moves, tellings } = this;
    return { singles, opened, moves, tellings, digests: [...this.changed].map(({ digest }) => digest) };
  }

  private collect(notice: Notice, contact: Contact, lane: Lane): void {
    const alertId = notice.alert.id;
    const room = this.of(contact).filter(
      ({ digest }) => digest.notices < this.bounds.digestIncidents * NOTICES_PER_INCIDENT,
    );
    const collecting =
      room.find(({ held }) => held.has(alertId)) ??
      room.find(({ digest }) => digest.incidents < this.bounds.digestIncidents) ??
      this.open(notice, contact);
    const { digest, held } = collecting;
    const soon = this.situation.now + this.bounds.digestWaitMs;
    collecting.digest = {
      ...digest,
      incidents: digest.incidents + (held.has(alertId) ? 0 : 1),
      notices: digest.notices + 1,
      closesAt: lane === 'critical' ? Math.min(digest.closesAt, soon) : digest.closesAt,
    };
    held.set(alertId, (held.get(alertId) ?? 0) + 1);
    this.changed.add(collecting);
    this.tellings.push({ notice, contact, deliveryId: digest.id });
  }

  private open(notice: Notice, contact: Contact): Collecting {
    const { now, closedAt } = this.situation;
    const { digestWaitMs, digestEveryMs } = this.bounds;
    const before = this.of(contact).map(({ digest }) => digest.closesAt);
    const alone = Math.max(now + digestWaitMs, (closedAt.get(contact.id) ?? -Infinity) + digestEveryMs);
    const id = this.nameOf('digest', notice, contact);
    const closesAt = Math.min(...before, alone);
    const collecting: Collecting = { digest: { id, contact, incidents: 0, notices: 0, closesAt }, held: new Map() };
    this.of(contact).push(collecting);
    this.opened.push({ notice, contact, deliveryId: id });
    return collecting;
  }

  private move(collecting: Collecting, { notice, contact, deliveryId }: Telling): void {
    const { digest, held } = collecting;
    const alertId = notice.alert.id;
    collecting.digest = {
      ...digest,
      incidents: digest.incidents - 1,
      notices: digest.notices - (held.get(alertId) ?? 0),
    };
    held.delete(alertId);
    this.changed.add(collecting);
    this.moves.push({ from: digest.id, to: deliveryId, alertId });
    this.tellings = this.tellings.map((telling) =>
      telling.deliveryId === digest.id && telling.contact.id === contact.id && telling.notice.alert.id === alertId
        ? { ...telling, deliveryId }
        : telling,
    );
  }

  /** The open digests of this contact as it is now: one that was begun for another address goes there without more. */
  private of(contact: Contact): Collecting[] {
    const key = JSON.stringify([contact.id, recipientKey(contact), contact.language]);
    const known = this.collecting.get(key);
    if (known !== undefined) return known;
    const none: Collecting[] = [];
    this.collecting.set(key, none);
    return none;
  }
}
