import type { Instant } from '../time/instant.js';

/**
 * One value of one parameter at one station, with its own time.
 * Its identity is (deviceId, metric, measuredAt, sequence): the same four again are the same reading, delivered twice.
 */
export interface Reading {
  readonly deviceId: string;
  readonly stationId: string;
  readonly metric: string;
  /** In the unit of the profile's metric; always finite. */
  readonly value: number;
  readonly measuredAt: Instant;
  /** 0…999: tells apart readings that share a millisecond (the payload's `seq` modulo 1000; 0 without one). */
  readonly sequence: number;
  readonly receivedAt: Instant;
}
