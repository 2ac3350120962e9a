export interface GatewayAnswer {
  readonly deviceName: string;
  /** Of the command. */
  readonly id: number;
  /** JSON: what the device said. */
  readonly answer: string;
}

/** `{"device":"name","id":7,"data":…}`, as a gateway answers for a device behind it; null for anything else. */
export function gatewayAnswer(text: string): GatewayAnswer | null {
  try {
    const given = JSON.parse(text) as { device?: unknown; id?: unknown; data?: unknown } | null;
    const { device, id, data } = given ?? {};
    if (typeof device !== 'string' || !Number.isSafeInteger(id) || data === undefined) return null;
    return { deviceName: device, id: Number(id), answer: JSON.stringify(data) };
  } catch {
    // No JSON, or nested too deep to be written down again.
    return null;
  }
}
