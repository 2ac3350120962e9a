import { randomBytes } from 'node:crypto';
import { hash, verify } from '@node-rs/argon2';
import { busy } from '../problem.js';

/** OWASP's first choice for argon2id, which is what the library makes unless told otherwise. */
const COST = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

/** Each takes a core and 19 MiB for a moment; more at once would only slow the rest of the process. */
const AT_ONCE = 2;
const MAX_WAITING = 64;

export const isPassword = (password: string, passwordHash: string): Promise<boolean> =>
  verify(passwordHash, password.normalize('NFC'));

export const hashPassword = (password: string): Promise<string> => hash(password.normalize('NFC'), COST);

/** Checks passwords, a few at a time. */
export class Passwords {
  private running = 0;
  private readonly waiting: (() => void)[] = [];

  private constructor(private readonly hashOfNobody: string) {}

  static async prepare(): Promise<Passwords> {
    return new Passwords(await hashPassword(randomBytes(32).toString('base64url')));
  }

  /** Without a hash, for an unknown login, it takes as long and is false. Throws the Problem `busy` when too many wait already. */
  async check(password: string, passwordHash: string | null): Promise<boolean> {
    await this.turn();
    try {
      const right = await isPassword(password, passwordHash ?? this.hashOfNobody);
      return right && passwordHash !== null;
    } finally {
      // The place goes straight to the next in line, so that nobody slips in between.
      const next = this.waiting.shift();
      if (next === undefined) this.running -= 1;
      else next();
    }
  }

  private turn(): Promise<void> {
    if (this.running < AT_ONCE) {
      this.running += 1;
      return Promise.resolve();
    }
    if (this.waiting.length >= MAX_WAITING) return Promise.reject(busy());
    return new Promise((resolve) => this.waiting.push(resolve));
  }
}
