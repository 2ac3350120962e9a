import { CanhError } from '@canh/core/canh-error';
import type { LocalText } from '@canh/core/stations/local-text';
import { MINUTE_MS } from '@canh/core/time/instant';
import type { StationModel, Values } from './models.js';

/** Milliseconds since the story began. */
export type StoryTime = number;

/** What one station reports at one time of a story. */
export interface StoryReading {
  readonly stationId: string;
  readonly atMs: StoryTime;
  readonly values: Values;
}

/** A span in which a limit really is reached, whatever noise makes of it: what detectors are scored against. */
export interface TruthSpan {
  readonly stationId: string;
  readonly metric: string;
  readonly direction: 'above' | 'below';
  /** `alarm_1`, `alarm_2`, … or the severity that the default rule gives to it. */
  readonly limitName: string;
  readonly limit: number;
  readonly fromMs: StoryTime;
  /** The story's end where the limit is still reached then. */
  readonly toMs: StoryTime;
}

/** How fast it is told when nobody says otherwise. */
export interface Pace {
  readonly speed: number;
  /** How far behind the present the live part begins. */
  readonly lagMs: number;
}

/** What a province full of devices reports while something happens. */
export interface Story {
  readonly name: string;
  readonly names: LocalText;
  readonly durationMs: number;
  /** When the first alert is due that the story is about: its limit reached and the hold of the default rule served. */
  readonly criticalAtMs: StoryTime;
  readonly pace: Pace;
  readonly truth: readonly TruthSpan[];
  /**
   * What all stations report in [fromMs, toMs), oldest first. The same seed gives the same values; any slice is exactly that part of the
   * whole, so nothing has to be kept in memory.
   */
  readings(seed: number, fromMs: StoryTime, toMs: StoryTime): Iterable<StoryReading>;
}

/** Which limits the story's truth is told about. */
export interface Judged {
  readonly stationId: string;
  readonly metric: string;
  readonly direction: 'above' | 'below';
  readonly limits: Readonly<Record<string, number>>;
}

export interface StoryDefinition {
  readonly name: string;
  readonly names: LocalText;
  readonly durationMs: number;
  readonly pace: Pace;
  readonly models: readonly StationModel[];
  readonly judged: readonly Judged[];
  /** What the story is about, with the hold of the default rule. */
  readonly critical: {
    readonly stationId: string;
    readonly metric: string;
    readonly limitName: string;
    readonly holdMs: number;
  };
}

export function createStory({ models, judged, critical, ...story }: StoryDefinition): Story {
  const truth = judged.flatMap((limits) => spans(models, limits, story.durationMs));
  const first = truth.find(
    ({ stationId, metric, limitName }) =>
      stationId === critical.stationId && metric === critical.metric && limitName === critical.limitName,
  );
  const model = models.find(({ stationId }) => stationId === critical.stationId);
  if (first === undefined || model === undefined)
    throw new CanhError(
      'BAD_STORY',
      `Story ${story.name} never reaches ${critical.limitName} at ${critical.stationId}. List it in judged.`,
    );
  return {
    ...story,
    truth,
    // The first reading over the limit comes up to an interval after the limit was reached.
    criticalAtMs: Math.round(first.fromMs + critical.holdMs + model.intervalMs / 2),
    *readings(seed, fromMs, toMs) {
      const end = Math.min(toMs, story.durationMs);
      for (let atMs = Math.ceil(Math.max(0, fromMs) / MINUTE_MS) * MINUTE_MS; atMs < end; atMs += MINUTE_MS)
        for (const { stationId, intervalMs, measured } of models)
          if (atMs % intervalMs === 0) yield { stationId, atMs, values: measured(seed, atMs) };
    },
  };
}

/** Limits are looked for in steps of this; no story has one that is reached for less. */
const STEP_MS = 15_000;

function spans(
  models: readonly StationModel[],
  { stationId, metric, direction, limits }: Judged,
  durationMs: number,
): TruthSpan[] {
  const truth = models.find((model) => model.stationId === stationId)?.truth;
  if (truth === undefined) return [];
  const values: (number | undefined)[] = [];
  for (let atMs = 0; atMs <= durationMs; atMs += STEP_MS) values.push(truth(atMs)[metric]);
  return Object.entries(limits).flatMap(([limitName, limit]) => {
    const found: TruthSpan[] = [];
    let fromMs: number | null = null;
    for (const [step, value] of values.entries()) {
      const atMs = step * STEP_MS;
      const reached =
        value !== undefined && atMs < durationMs && (direction === 'above' ? value >= limit : value <= limit);
      if (reached && fromMs === null) fromMs = atMs;
      if (!reached && fromMs !== null) {
        found.push({ stationId, metric, direction, limitName, limit, fromMs, toMs: atMs });
        fromMs = null;
      }
    }
    return found;
  });
}
