import type { Instant } from '../time/instant.js';

/** The device that somebody has proven to be, and by what. */
export interface DeviceIdentity {
  readonly deviceId: string;
  /** Which of its credentials was shown, as the records know it; never the secret itself. */
  readonly credential: string;
  /** From then on the credential is worth nothing; null where it lasts until it is withdrawn. */
  readonly until: Instant | null;
}

/** Who may come in at a door for devices. Unknown, withdrawn and wrong look the same: null. */
export abstract class Credentials {
  /** The device this token was issued to. */
  abstract identify(token: string): DeviceIdentity | null;
  /** The device, where this password of it needs no slow look: a generated one, or one that was right before and was not changed since. */
  abstract recognise(deviceId: string, password: string): DeviceIdentity | null;
  /**
   * Whether it is the device's password, at the cost of one slow hash, also where there is no such device or it has no password:
   * nobody can tell these apart by a clock. The caller bounds how many of these run at once.
   */
  abstract verify(deviceId: string, password: string): Promise<DeviceIdentity | null>;
  /**
   * The device, where a certificate that names it and counts from `issuedAt` speaks for it: not one from before the device was revoked.
   * `ownerUnit` is the unit that owns its station.
   */
  abstract certified(deviceId: string, issuedAt: Instant): (DeviceIdentity & { readonly ownerUnit: string }) | null;
  /** What was proven then, as it is now; null where it is so no more. */
  abstract standing(identity: DeviceIdentity): DeviceIdentity | null;
}

/** Issues and withdraws what devices present. All of it rejects with CanhError `UNKNOWN_DEVICE` where there is no such device. */
export abstract class CredentialDesk {
  /**
   * Makes a new token of 128 random bits for the device. Those it had are forgotten, or good until `keepOldUntil` and no longer. Only
   * keyed hashes are kept: this is the one time the token can be read.
   */
  abstract issue(deviceId: string, keepOldUntil?: Instant): Promise<string>;
  /** Makes a new password of 128 random bits, in place of the old one; this is the one time it can be read. */
  abstract issuePassword(deviceId: string): Promise<string>;
  /** Takes a password that somebody chose, in place of the old one. Rejects with CanhError `BAD_PASSWORD` where it is too short or too long. */
  abstract setPassword(deviceId: string, password: string): Promise<void>;
  /** Withdraws tokens and password, and refuses every certificate of the device that counts from `at` or before. */
  abstract revoke(deviceId: string, at: Instant): Promise<void>;
}
