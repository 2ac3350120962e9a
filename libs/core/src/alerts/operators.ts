import type { Language } from '../stations/local-text.js';
import type { Instant } from '../time/instant.js';
import type { OperatorId } from './alert.js';

export type Role = 'admin' | 'officer';

/** Somebody who may sign in to the console. */
export interface Operator {
  readonly id: OperatorId;
  readonly login: string;
  readonly name: string;
  readonly role: Role;
  readonly language: Language;
}

/** A signed-in browser. The token itself is with the browser; only its keyed hash is kept. */
export interface SignInSession {
  readonly tokenHash: string;
  readonly operatorId: OperatorId;
  readonly startedAt: Instant;
  readonly usedAt: Instant;
}

/** The people of the console and their sessions. */
export abstract class Operators {
  abstract count(): Promise<number>;
  abstract add(operator: Operator, passwordHash: string): Promise<void>;
  abstract byLogin(login: string): Promise<{ operator: Operator; passwordHash: string } | null>;
  abstract setPassword(id: OperatorId, passwordHash: string): Promise<void>;
  abstract names(): Promise<ReadonlyMap<OperatorId, string>>;
  abstract startSession(session: SignInSession): Promise<void>;
  abstract session(tokenHash: string): Promise<{ session: SignInSession; operator: Operator } | null>;
  abstract touchSession(tokenHash: string, usedAt: Instant): Promise<void>;
  abstract endSession(tokenHash: string): Promise<void>;
  /** Forgets sessions last used before `before`. */
  abstract endSessionsUnusedSince(before: Instant): Promise<void>;
}
