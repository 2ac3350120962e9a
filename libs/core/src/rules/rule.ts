import type { LocalText } from '../stations/local-text.js';

/** How much hurry: warning P3 (cảnh báo) < major P2 (nghiêm trọng) < critical P1 (khẩn cấp). */
export const SEVERITIES = ['warning', 'major', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** Larger is worse. */
export function severityRank(severity: Severity): number {
  return SEVERITIES.indexOf(severity);
}

/** What a level compares with: a number in the metric's unit, or the station's own limit of that name with a default for stations without one. */
export type LevelLimit =
  | { readonly kind: 'fixed'; readonly value: number }
  | { readonly kind: 'station'; readonly name: string; readonly otherwise: number | null };

export interface ThresholdLevel {
  readonly severity: Severity;
  readonly limit: LevelLimit;
  /** How far back over the limit a value must go before the level ends; in the metric's unit, 0 or more. */
  readonly deadBand: number;
  /** How long the limit must be reached without a break, by the readings' own time, before the level begins. */
  readonly holdMs: number;
}

/** What an operator reads beside the alert (ISA-18.2: every alert has all three). */
export interface Guidance {
  readonly cause: LocalText;
  readonly consequence: LocalText;
  readonly response: LocalText;
}

/** Several severities on one metric: one alert that goes up and down, not three. */
export interface ThresholdRule {
  readonly kind: 'threshold';
  readonly id: string;
  readonly version: number;
  readonly names: LocalText;
  /** The profiles whose stations it judges. */
  readonly profileIds: readonly string[];
  readonly metric: string;
  /** `above`: reached at or over the limit; `below`: at or under it. */
  readonly direction: 'above' | 'below';
  /** From the mildest to the worst. */
  readonly levels: readonly ThresholdLevel[];
  readonly guidance: Guidance;
}

/** Every kind of rule; a new kind is one more file with its step, and one more member here. */
export type Rule = ThresholdRule;
