import type { Instant } from '../time/instant.js';
import type { QuarantineReason } from './quarantine.js';
import { repeatedNames } from './repeated-names.js';

/** Values that one device measured at one moment. */
export interface Point {
  readonly measuredAt: Instant;
  /** The payload's `seq`, by which the device counts what it sends; null without one. */
  readonly seq: number | null;
  readonly values: readonly (readonly [metric: string, value: number])[];
}

/** Something in the payload that is no reading. */
export interface Fault {
  readonly reason: QuarantineReason;
  readonly detail: string;
}

/** The readings of a payload and its faults, side by side: one bad value does not take the good ones with it. */
export interface Decoded {
  readonly points: readonly Point[];
  readonly faults: readonly Fault[];
}

export const MAX_DEPTH = 8;
export const MAX_POINTS = 10_000;
export const MAX_VALUES = 64;
const MAX_NAME = 64;
/** 2100-01-01: what is later is not a time in milliseconds. Whether a time is acceptable is judged elsewhere. */
const LATEST_TIME = 4_102_444_800_000;

const fault = (reason: QuarantineReason, detail: string): Decoded => ({ points: [], faults: [{ reason, detail }] });
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** How a value looks in a message to a person; never the whole of something huge. */
function shown(value: unknown): string {
  const text =
    typeof value === 'string'
      ? `"${value}"`
      : typeof value === 'object' && value !== null
        ? 'an object or array'
        : String(value);
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}

/** What nests deeply has many opening brackets. Searching for them is native, and five times as quick as following every character. */
function hasMoreBrackets(text: string, most: number): boolean {
  let left = most;
  for (const bracket of ['{', '['])
    for (let at = text.indexOf(bracket); at !== -1; at = text.indexOf(bracket, at + 1)) {
      left -= 1;
      if (left < 0) return true;
    }
  return false;
}

/** Whether brackets nest deeper than `limit`, told without parsing: the parser itself must not be the victim. */
export function nestsDeeperThan(text: string, limit: number): boolean {
  if (!hasMoreBrackets(text, limit)) return false;
  let depth = 0;
  let inString = false;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (inString) {
      if (code === 92 /* \ */) at += 1;
      else if (code === 34 /* " */) inString = false;
    } else if (code === 34) inString = true;
    else if (code === 123 /* { */ || code === 91 /* [ */) {
      depth += 1;
      if (depth > limit) return true;
    } else if (code === 125 || code === 93) depth -= 1;
  }
  return false;
}

/** Parses JSON from the field: `undefined` beside the fault that says why not. */
export function parseJson(text: string): { value: unknown; fault: Fault | null } {
  if (nestsDeeperThan(text, MAX_DEPTH))
    return { value: undefined, fault: { reason: 'too-deep', detail: `brackets nest deeper than ${MAX_DEPTH}` } };
  try {
    return { value: JSON.parse(text), fault: null };
  } catch (error) {
    return { value: undefined, fault: { reason: 'not-json', detail: (error as Error).message.slice(0, 200) } };
  }
}

/**
 * The native payload (device interface, DESIGN): `{"level_m":3.4}` · `{"ts":1700000000000,"values":{"level_m":3.4}}` · an array of either.
 * `ts` in ms since the epoch, absent: the time received. `seq`, a whole number beside `ts`, tells readings of one millisecond apart.
 */
export function decodeTelemetry(text: string, receivedAt: Instant): Decoded {
  const parsed = parseJson(text);
  if (parsed.fault !== null) return { points: [], faults: [parsed.fault] };
  const decoded = decodePoints(parsed.value, receivedAt);
  const repeated = repeatedNames(text, parsed.value, namesRead(parsed.value, decoded.points));
  return repeated.length === 0 ? decoded : { points: decoded.points, faults: [...decoded.faults, ...repeated] };
}

/** How many names of a payload its points were made of: never more than it has. Quicker than counting them where each element made a point. */
export function namesRead(payload: unknown, points: readonly Point[]): number {
  let names = 0;
  const elements: readonly unknown[] | null = Array.isArray(payload) ? payload : null;
  if (elements !== null && elements.length !== points.length) return 0;
  for (let at = 0; at < points.length; at += 1) {
    const { values, seq } = points[at]!;
    const element = (elements === null ? payload : elements[at]) as Record<string, unknown>;
    names += values.length;
    if (element['values'] !== undefined) names += 1 + (element['ts'] === undefined ? 0 : 1) + (seq === null ? 0 : 1);
  }
  return names;
}

/** The same, already parsed: a gateway's message holds one such payload for each device. */
export function decodePoints(payload: unknown, receivedAt: Instant): Decoded {
  if (!Array.isArray(payload)) {
    const faults: Fault[] = [];
    const point = decodePoint(payload, receivedAt, faults);
    return { points: point === null ? [] : [point], faults };
  }
  if (payload.length > MAX_POINTS) return fault('too-many-values', `${payload.length} elements, at most ${MAX_POINTS}`);
  if (payload.length === 0) return fault('wrong-shape', 'an empty array');
  const points: Point[] = [];
  const faults: Fault[] = [];
  for (const element of payload) {
    const point = decodePoint(element, receivedAt, faults);
    if (point !== null) points.push(point);
  }
  // A logger may send what it kept newest first; judged like that, all but the newest would come too late to raise anything.
  if (points.some((point, at) => at > 0 && isBefore(point, points[at - 1]!))) points.sort(inTime);
  return { points, faults };
}

const inTime = (one: Point, other: Point): number =>
  one.measuredAt - other.measuredAt || (one.seq ?? 0) - (other.seq ?? 0);
const isBefore = (one: Point, other: Point): boolean => inTime(one, other) < 0;

function decodePoint(payload: unknown, receivedAt: Instant, faults: Fault[]): Point | null {
  if (!isObject(payload)) {
    faults.push({
      reason: 'wrong-shape',
      detail: `expected an object of metric: number, found ${Array.isArray(payload) ? 'an array' : shown(payload)}`,
    });
    return null;
  }
  const timed = 'values' in payload;
  const values = timed ? payload['values'] : payload;
  if (!isObject(values)) {
    faults.push({ reason: 'wrong-shape', detail: `"values" is not an object of metric: number but ${shown(values)}` });
    return null;
  }
  const ts = timed ? payload['ts'] : undefined;
  if (ts !== undefined && !(typeof ts === 'number' && Number.isInteger(ts) && ts > 0 && ts < LATEST_TIME)) {
    faults.push({
      reason: 'bad-time',
      detail: `"ts" is ${shown(ts)}, expected milliseconds since 1970 as a whole number`,
    });
    return null;
  }
  const seq = timed ? payload['seq'] : undefined;
  if (seq !== undefined && !(typeof seq === 'number' && Number.isSafeInteger(seq) && seq >= 0)) {
    faults.push({ reason: 'wrong-shape', detail: `"seq" is ${shown(seq)}, expected a whole number from 0` });
    return null;
  }
  const good = decodeValues(values, faults);
  return good.length === 0
    ? null
    : { measuredAt: ts ?? receivedAt, seq: seq === undefined ? null : seq + 0, values: good };
}

function decodeValues(values: Record<string, unknown>, faults: Fault[]): [string, number][] {
  const names = Object.keys(values);
  if (names.length > MAX_VALUES) {
    faults.push({ reason: 'too-many-values', detail: `${names.length} values at one moment, at most ${MAX_VALUES}` });
    return [];
  }
  if (names.length === 0) faults.push({ reason: 'wrong-shape', detail: 'no values' });
  const good: [string, number][] = [];
  for (const name of names) {
    const value = values[name];
    // With 0 added -0 is 0.
    if (typeof value === 'number' && Number.isFinite(value) && name.length <= MAX_NAME) good.push([name, value + 0]);
    else if (name.length > MAX_NAME)
      faults.push({ reason: 'unknown-metric', detail: `${shown(name)} is no name of a metric` });
    // JSON.parse makes Infinity of 1e400: too large to be a number is no number.
    else faults.push({ reason: 'not-a-number', detail: `${name} is ${shown(value)}, expected a number` });
  }
  return good;
}
