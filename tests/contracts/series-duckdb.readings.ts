import { Flag } from '@canh/core/quality/flag';
import type { FlaggedReading } from '@canh/core/quality/flagged-reading';
import type { SeriesSpan } from '@canh/core/series/series-store';
import { SECOND_MS } from '@canh/core/time/instant';

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
