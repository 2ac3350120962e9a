/** One metric of one device at one station: what all its readings have in common. */
export interface Series {
  readonly deviceId: string;
  readonly stationId: string;
  readonly metric: string;
}
