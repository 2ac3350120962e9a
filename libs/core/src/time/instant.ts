/** A moment: whole milliseconds since 1970-01-01T00:00:00Z. Local time exists only where a person or a file writes it. */
export type Instant = number;

export const SECOND_MS = 1_000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** Where "now" comes from. An RxJS scheduler is one; so is the object a process makes once at its start. */
export interface Clock {
  now(): Instant;
}
