export interface GatewayAnswer {
  readonly deviceName: string;
  /** Of the command. */
  readonly id: number;
  /** JSON: what the device said. */
  readonly answer: string;
}

/** `{"device":"name","id":7,"data":…}`, as a gateway answers for a device behind it; null for anything else. */
export function gatewayAnswer(text: string): GatewayAnswer | null {
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch {
    return null;
  }
  const { device, id, data } = (given ?? {}) as { device?: unknown; id?: unknown; data?: unknown };
  if (typeof device !== 'string' || !Number.isSafeInteger(id) || data === undefined) return null;
  return { deviceName: device, id: Number(id), answer: JSON.stringify(data) };
}
