import { Flag } from '@canh/core/quality/flag';

/**
 * A reading is one field of its metric's measurement, named by its flag: `value` where it is good. So it is there or not, and never without its flag; and
 * whoever draws `value` draws what is trusted.
 */
export const FIELD_OF: Readonly<Record<Flag, string>> = {
  [Flag.good]: 'value',
  [Flag.notEvaluated]: 'not_evaluated',
  [Flag.suspect]: 'suspect',
  [Flag.failed]: 'failed',
  [Flag.missing]: 'missing',
};

export const FIELDS = Object.entries(FIELD_OF).map(([flag, field]) => ({
  field,
  flag: Number(flag) as Flag,
}));

/** When a device's readings of one moment were received: once for all of its metrics. In the measurement `received`, by device, station and their time. */
export const RECEIVED = { measurement: 'received', field: 'at' } as const;
