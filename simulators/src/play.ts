import { CanhError } from '@canh/core/canh-error';
import { HOUR_MS, MINUTE_MS, SECOND_MS, type Instant } from '@canh/core/time/instant';
import type { Publisher } from './fleet.js';
import { InFlight } from './in-flight.js';
import type { Pace, Story, StoryReading, StoryTime } from './stories/story.js';
import { wallClock, type WallClock } from './wall-clock.js';

/** After so long in the live part the story's first alert is due: soon enough to wait for, late enough to have looked around. */
const ALERT_AFTER_MS = 30 * SECOND_MS;
export const DEFAULT_HISTORY_MS = 6 * HOUR_MS;
/** The backlog is made and acknowledged in pieces of this, each device's readings of a piece in arrays. */
const BACKLOG_PIECE_MS = HOUR_MS;
const READINGS_PER_MESSAGE = 50;
/** PUBLISHes without a PUBACK yet; beyond them the story waits. */
const ON_THE_WAY = 500;

export interface PlayOptions {
  readonly story: Story;
  readonly seed: number;
  readonly fleet: Publisher;
  /** The device of each station; stations without one stay silent. */
  readonly devices: readonly { readonly id: string; readonly stationId: string }[];
  /** Default: the story's own pace. */
  readonly speed?: number;
  readonly lagMs?: number;
  /** How much past is sent first (default 6 h). */
  readonly historyMs?: number;
  readonly clock?: WallClock;
  /** Stops after what is on the way. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: PlayProgress) => void;
}

export interface PlayProgress {
  readonly part: 'history' | 'live';
  /** Readings acknowledged and failed so far, of both parts; a reading is what one station says at one time. */
  readonly acknowledged: number;
  readonly failed: number;
  /** Readings of the whole backlog. */
  readonly historyTotal: number;
  /** How far the story is, and how far it is behind the present. */
  readonly storyMs: StoryTime;
  readonly behindMs: number;
}

export interface PlayReport {
  readonly acknowledged: number;
  /** Of a device that was refused, or without an answer when interrupted. */
  readonly failed: number;
  /** Whether the story was told to its end. */
  readonly ended: boolean;
}

/** Where a telling of a story begins and when it will be where. */
export interface Timeline {
  /** The backlog is [historyFromMs, startAtMs) of the story. */
  readonly historyFromMs: StoryTime;
  readonly startAtMs: StoryTime;
  /** Wall time minus story time, the same for every reading. */
  readonly shiftMs: number;
  /** From the start of the live part until the first alert is due. */
  readonly criticalAfterMs: number;
  /** From the start of the live part until the story has reached the present; Infinity at speed 1. */
  readonly caughtUpAfterMs: number;
}

/**
 * Lays a story onto the wall clock: its live part begins `lagMs` behind now, goes `speed` times as fast as time and has caught up after
 * lag/(speed-1). Where it begins is chosen so that the first alert is due half a minute later, or as far into the story as that allows.
 */
export function timelineOf(
  story: Pick<Story, 'criticalAtMs'>,
  { speed, lagMs }: Pace,
  historyMs: number,
  now: Instant,
): Timeline {
  if (!(speed >= 1 && speed <= 3600))
    throw new CanhError('BAD_OPTION', `A speed of ${speed} cannot be. Give a number from 1 to 3600.`);
  if (!(lagMs >= 0 && historyMs >= 0))
    throw new CanhError('BAD_OPTION', 'Lag and history cannot be negative. Give durations such as 10m and 6h.');
  const told = Math.min(speed * ALERT_AFTER_MS, ALERT_AFTER_MS + lagMs);
  const startAtMs = Math.max(0, story.criticalAtMs - told);
  const ahead = story.criticalAtMs - startAtMs;
  // Instruments report on whole minutes.
  const shiftMs = Math.floor((now - lagMs - startAtMs) / MINUTE_MS) * MINUTE_MS;
  return {
    historyFromMs: Math.max(0, startAtMs - historyMs),
    startAtMs,
    shiftMs,
    criticalAfterMs: Math.max(ahead / speed, ahead - lagMs),
    caughtUpAfterMs: speed > 1 ? lagMs / (speed - 1) : Infinity,
  };
}

/**
 * Tells a story through a fleet: what is past first, as a backlog with its true times, then live at `speed` until it has reached the
 * present, then with it, until the story ends or `signal` is aborted. No reading has a time in the future. What the server does not
 * acknowledge in time holds the telling up; readings of a device that was refused are counted as failed and the others go on.
 */
export async function play(options: PlayOptions): Promise<PlayReport> {
  const { story, seed, fleet, clock = wallClock, signal, onProgress, historyMs = DEFAULT_HISTORY_MS } = options;
  const pace: Pace = { speed: options.speed ?? story.pace.speed, lagMs: options.lagMs ?? story.pace.lagMs };
  const timeline = timelineOf(story, pace, historyMs, clock.now());
  const { startAtMs, historyFromMs, shiftMs } = timeline;
  const deviceOf = new Map(options.devices.map(({ id, stationId }) => [stationId, id]));
  const onTheWay = new InFlight(ON_THE_WAY, clock, signal);
  let [sent, acknowledged, failed] = [0, 0, 0];
  let historyTotal = 0;
  for (const { stationId } of story.readings(seed, historyFromMs, startAtMs))
    if (deviceOf.has(stationId)) historyTotal += 1;

  let fleetStopped = false;
  const isStopped = (): boolean => fleetStopped || signal?.aborted === true;
  const report = (part: PlayProgress['part'], storyMs: StoryTime): void =>
    onProgress?.({
      part,
      acknowledged,
      failed,
      historyTotal,
      storyMs,
      behindMs: Math.max(0, clock.now() - shiftMs - storyMs),
    });
  const send = (part: PlayProgress['part'], deviceId: string, readings: readonly StoryReading[]): Promise<void> => {
    const items = readings.map(({ atMs, values }) => ({ ts: atMs + shiftMs, values }));
    sent += items.length;
    return onTheWay.add(
      fleet.publish(deviceId, items.length === 1 ? items[0] : items).then(
        () => {
          acknowledged += items.length;
          report(part, readings.at(-1)?.atMs ?? startAtMs);
        },
        (error: unknown) => {
          failed += items.length;
          fleetStopped ||= error instanceof CanhError && error.code === 'FLEET_STOPPED';
        },
      ),
    );
  };

  for (let from = historyFromMs; from < startAtMs && !isStopped(); from += BACKLOG_PIECE_MS) {
    const ofDevice = new Map<string, StoryReading[]>();
    for (const reading of story.readings(seed, from, Math.min(from + BACKLOG_PIECE_MS, startAtMs))) {
      const deviceId = deviceOf.get(reading.stationId);
      if (deviceId === undefined) continue;
      const readings = ofDevice.get(deviceId) ?? [];
      ofDevice.set(deviceId, readings);
      readings.push(reading);
    }
    for (const [deviceId, readings] of ofDevice)
      for (let at = 0; at < readings.length; at += READINGS_PER_MESSAGE)
        await send('history', deviceId, readings.slice(at, at + READINGS_PER_MESSAGE));
  }
  await onTheWay.drained();

  const liveFrom = clock.now();
  let ended = !isStopped();
  for (const reading of story.readings(seed, startAtMs, story.durationMs)) {
    await clock.until(dueAt(reading.atMs, timeline, pace.speed, liveFrom), signal);
    if (isStopped()) {
      ended = false;
      break;
    }
    const deviceId = deviceOf.get(reading.stationId);
    if (deviceId !== undefined) await send('live', deviceId, [reading]);
  }
  await onTheWay.drained();
  return { acknowledged, failed: sent - acknowledged, ended };
}

/** When a reading is told: when the story, `speed` times as fast, comes to it, but not before its own time has come. */
function dueAt(atMs: StoryTime, { startAtMs, shiftMs }: Timeline, speed: number, liveFrom: Instant): Instant {
  return Math.max(liveFrom + (atMs - startAtMs) / speed, atMs + shiftMs);
}
