import { randomBytes, timingSafeEqual } from 'node:crypto';
import { hash, verify } from '@node-rs/argon2';
import { keyedHash, type ServerKey } from './server-key.js';

/** OWASP's first choice for argon2id, which is what the library makes unless told otherwise. */
const COST = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };
const KEYED = 'keyed:';

/** A slow hash, for a password that somebody chose and somebody else may guess. */
export const hashOfChosen = (password: string): Promise<string> => hash(password.normalize('NFC'), COST);

/** A quick hash, for 128 random bits: nobody guesses those, and thousands of devices may come back at one moment. */
export const hashOfGenerated = (key: ServerKey, deviceId: string, password: string): string =>
  `${KEYED}${fingerprint(key, deviceId, password)}`;

/** Tells the passwords of one device from those of another, and is worth nothing without the server key. */
const fingerprint = (key: ServerKey, deviceId: string, password: string): string =>
  keyedHash(key, 'device-password', `${deviceId}\n${password.normalize('NFC')}`);

/**
 * Remembers which passwords were right, by their fingerprint and together with the slow hash that they were right for: once the records
 * hold another one, it counts for nothing. What was wrong is not remembered. Of more than `most`, the longest unused is forgotten.
 */
export class KnownPasswords {
  private readonly rightFor = new Map<string, string>();
  private hashOfNobody: Promise<string> | null = null;

  constructor(
    private readonly key: ServerKey,
    private readonly most: number,
  ) {}

  /** Without a slow hash: true is sure, false only says that it is not known yet. */
  has(deviceId: string, password: string, passwordHash: string): boolean {
    const print = fingerprint(this.key, deviceId, password);
    if (passwordHash.startsWith(KEYED)) return isSame(passwordHash, `${KEYED}${print}`);
    const rightFor = this.rightFor.get(print);
    if (rightFor !== passwordHash) return false;
    this.rightFor.delete(print);
    this.rightFor.set(print, rightFor);
    return true;
  }

  /** With one slow hash, whatever is asked. */
  async verify(deviceId: string, password: string, passwordHash: string | null): Promise<boolean> {
    this.hashOfNobody ??= hashOfChosen(randomBytes(32).toString('base64url'));
    const against = passwordHash === null || passwordHash.startsWith(KEYED) ? null : passwordHash;
    const right = await verify(against ?? (await this.hashOfNobody), password.normalize('NFC'));
    if (against === null) return passwordHash !== null && this.has(deviceId, password, passwordHash);
    if (!right) return false;
    this.rightFor.set(fingerprint(this.key, deviceId, password), against);
    if (this.rightFor.size > this.most) {
      const [longestUnused] = this.rightFor.keys();
      if (longestUnused !== undefined) this.rightFor.delete(longestUnused);
    }
    return true;
  }
}

function isSame(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}
