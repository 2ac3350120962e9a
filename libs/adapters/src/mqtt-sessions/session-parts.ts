import type { Clock } from '@canh/core/time/instant';

export interface SessionLimits {
  /** Of one session that is away, and of all its messages together. */
  readonly queueMessages: number;
  readonly queueBytes: number;
  readonly sessionsPerDevice: number;
  /** A session that was not used for so long, while the broker ran, goes. */
  readonly idleMs: number;
  readonly retainedTopics: number;
}

/** What was let go of, and was not delivered: messages, sessions or retained messages. */
export type DropReason =
  | 'queue-full'
  | 'expired'
  | 'clean-session'
  | 'session-unused'
  | 'session-replaced'
  | 'session-revoked'
  | 'retained-full';

export interface SessionStoreParts {
  readonly file: string;
  readonly limits: SessionLimits;
  readonly clock: Clock;
  /** What a device's right to be here rests on: changes when it is revoked, null where there is no such device. */
  readonly standingOf: (deviceId: string) => string | null;
  /** Whether a subscription to this filter is kept. Aedes hands in those that it has refused, too. */
  readonly keeps: (filter: string) => boolean;
  /** On this topic nothing is ever kept, and nobody is looked for. */
  readonly unkeptTopic: string;
  readonly dropped: (reason: DropReason, count: number, sessionId: string) => void;
}

/** Of Aedes' client, what is looked at here. */
export interface Client {
  readonly id: string;
  readonly clean?: boolean;
}

/** Of Aedes, what is looked at here. */
export interface Broker {
  readonly id: string;
  readonly clients?: Readonly<Record<string, { readonly closed: boolean; readonly will?: unknown } | undefined>>;
}

/** Where no broker has given it one; a message's own number counts then. */
export const NO_BROKER = 'here';
