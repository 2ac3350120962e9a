/** The device a presented token belongs to. */
export interface DeviceIdentity {
  readonly deviceId: string;
}

/** Who may come in at a door for devices. */
export abstract class Credentials {
  /** The device this token was issued to, or null: unknown and revoked look the same. */
  abstract identify(token: string): DeviceIdentity | null;
}
