import type { ThresholdRule } from '@canh/core/rules/rule';
import { PROFILE } from './river.js';

const text = { vi: 'x', en: 'x' };

/** A rule that warns of a level in metres that was held so long. */
export const heldAbove = (limitM: number, holdMs: number, deadBand = 0): ThresholdRule => ({
  kind: 'threshold',
  id: `above-${limitM}`,
  version: 1,
  names: text,
  profileIds: [PROFILE.id],
  metric: 'level_m',
  direction: 'above',
  levels: [{ severity: 'warning', limit: { kind: 'fixed', value: limitM }, deadBand, holdMs }],
  guidance: { cause: text, consequence: text, response: text },
});
