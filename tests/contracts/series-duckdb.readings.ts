import { Flag } from '@canh/core/quality/flag';
import type { FlaggedReading } from '@canh/core/quality/flagged-reading';
import type { SeriesSpan } from '@canh/core/series/series-store';
import { DAY_MS, HOUR_MS, type Instant, MINUTE_MS, SECOND_MS } from '@canh/core/time/instant';

const SUNDAY = Date.UTC(2025, 5, 1);
const DEVICES = 20;
const SECONDS = 100;

export const BATCH_ROWS = DEVICES * SECONDS;
export const BATCH_MS = SECONDS * SECOND_MS;

/** The nth batch of the readings that a killed process was storing: a hundred seconds of twenty devices at one station. */
export function killedBatch(nth: number): FlaggedReading[] {
  return Array.from({ length: BATCH_ROWS }, (_, row) => {
    const measuredAt = SUNDAY + nth * BATCH_MS + Math.floor(row / DEVICES) * SECOND_MS;
    const ids = { deviceId: `gauge-${row % DEVICES}`, stationId: 'killed', metric: 'level_m' };
    return { ...ids, value: 1, measuredAt, sequence: row % 1_000, receivedAt: measuredAt + 40, flag: Flag.good };
  });
}

export function spanOfBatches(first: number, end: number): SeriesSpan {
  return { stationId: 'killed', metric: 'level_m', from: SUNDAY + first * BATCH_MS, to: SUNDAY + end * BATCH_MS };
}

export const KEPT_DAYS = { raw: 400, '5min': 1_100, '1h': 3_660 };

/** A day of them is sealed in about three parts. */
export const FEW_ROWS = BATCH_ROWS;

const BATCH_OF_DAY_MS = DAY_MS / 3;

/**
 * The nth batch of the readings that a killed process was storing and sealing: a third of a day of twenty devices, every seventh of them
 * a day and a half late.
 */
export function sealedBatch(nth: number): FlaggedReading[] {
  return Array.from({ length: BATCH_ROWS }, (_, row) => {
    const late = row % 7 === 0 ? 1.5 * DAY_MS : 0;
    const measuredAt = SUNDAY + nth * BATCH_OF_DAY_MS + Math.floor(row / DEVICES) * 4 * MINUTE_MS - late;
    const ids = { deviceId: `gauge-${row % DEVICES}`, stationId: 'sealed', metric: 'level_m' };
    const receivedAt = measuredAt + late + 40;
    return { ...ids, value: nth, measuredAt, sequence: nth % 1_000, receivedAt, flag: Flag.good };
  });
}

/** The clock when the nth batch is stored, in a hurry: the day before yesterday is over, and its late readings are still to come. */
export function sealsAt(nth: number): Instant {
  return SUNDAY + nth * BATCH_OF_DAY_MS + DAY_MS + 2 * HOUR_MS;
}

/** Everything that `sealedBatch` gives. */
export const SEALED_SPAN: SeriesSpan = {
  stationId: 'sealed',
  metric: 'level_m',
  from: SUNDAY - 2 * DAY_MS,
  to: SUNDAY + 400 * DAY_MS,
};
