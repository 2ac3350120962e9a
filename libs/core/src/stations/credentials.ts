/** The device a presented token belongs to. */
export interface DeviceIdentity {
  readonly deviceId: string;
}

/** Who may come in at a door for devices. */
export abstract class Credentials {
  /** The device this token was issued to, or null: unknown and revoked look the same. */
  abstract identify(token: string): DeviceIdentity | null;
}

/** Issues and withdraws what devices present. */
export abstract class CredentialDesk {
  /** Makes a new token of 128 random bits for the device and forgets the old one. Only its keyed hash is kept: this is the one time it can be read. */
  abstract issue(deviceId: string): Promise<string>;
  /** Rejects with CanhError `UNKNOWN_DEVICE` where there is no such device. */
  abstract revoke(deviceId: string): Promise<void>;
}
