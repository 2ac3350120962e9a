import type { Device } from './device.js';
import { FIRST_READING, levelAt, MINUTE_MS, WAVE } from './flood.js';
import type { HttpDevice } from './http-device.js';
import { METRIC, type Province } from './world.js';
import type { SentMessage } from './published.js';

/** A device measures while it waits for answers, but not without end. */
const MOST_WAITING = 30;
/** How often a message that was acknowledged is sent again all the same. */
const COPIES = 0.1;
const GARBAGE = 0.05;
const BACKLOG = 40;

/** Publishes what `next` gives until it gives null, and waits for every answer. Returns how many messages there were. */
async function publishing(
  device: Device | HttpDevice,
  next: (at: number) => readonly SentMessage[] | null,
): Promise<number> {
  const unanswered = new Set<Promise<void>>();
  for (let at = 0; ; at += 1) {
    const messages = next(at);
    if (messages === null) {
      await Promise.all(unanswered);
      return at;
    }
    for (const message of messages) {
      const answered: Promise<void> = device.publish(message).then(() => void unanswered.delete(answered));
      // A device that is switched off fails all of them; one of them says so below.
      answered.catch(() => undefined);
      unanswered.add(answered);
    }
    while (unanswered.size >= MOST_WAITING) await Promise.race(unanswered);
  }
}

/** What goes on publishing while things break, until it is told to come to an end. */
export class Load {
  private goOn = true;
  private readonly running: Promise<unknown>[] = [];
  private readonly floods = new Map<string, Promise<number>>();

  constructor(private readonly province: Province) {}

  /** A river with floods, minute by minute in order, to the end of a wave, so that every flood is over at the end. Now and then a message comes twice. */
  flood(river: string, device: Device, firstReading = FIRST_READING): void {
    const { published, chance } = this.province;
    const minutes = publishing(device, (minute) => {
      if (!this.goOn && minute % WAVE === 0) return null;
      const reading = { metric: METRIC, ts: firstReading + minute * MINUTE_MS, seq: minute, value: levelAt(minute) };
      const message = published.reading(river, reading);
      return chance() < COPIES ? [message, message] : [message];
    });
    this.floods.set(river, minutes);
    this.keep(minutes);
  }

  /** A calm river whose readings come as backlogs, each in no order, some twice, with garbage among them. */
  backlogs(river: string, device: Device | HttpDevice, firstReading = FIRST_READING): void {
    const { published, chance } = this.province;
    const run = publishing(device, (at) => {
      if (!this.goOn) return null;
      const messages: SentMessage[] = [];
      for (let n = at * BACKLOG; n < (at + 1) * BACKLOG; n += 1) {
        const reading = { metric: METRIC, ts: firstReading + n * MINUTE_MS, seq: n, value: calm(n) };
        const message = published.reading(river, reading);
        messages.push(message);
        if (chance() < COPIES) messages.push(message);
        if (chance() < GARBAGE) messages.push(published.garbage(river, `{"level_m":"hỏng ${n}"}`));
      }
      return shuffled(messages, chance);
    });
    this.keep(run);
  }

  /** A calm river that leaves the time of its readings to the server. */
  untimed(river: string, device: Device | HttpDevice): void {
    const { published } = this.province;
    const run = publishing(device, (seq) =>
      this.goOn ? [published.reading(river, { metric: METRIC, ts: null, seq, value: calm(seq) })] : null,
    );
    this.keep(run);
  }

  /** A calm river that dates its readings by the true clock, whatever the server's says: one of the two decides whether that is acceptable. */
  punctual(river: string, device: Device | HttpDevice): void {
    const { published } = this.province;
    const run = publishing(device, (seq) => {
      const reading = { metric: METRIC, ts: Date.now(), seq, value: calm(seq) };
      return this.goOn ? [published.reading(river, reading, 'either')] : null;
    });
    this.keep(run);
  }

  /** What fails here is told by `end`; a test that fails before never comes there. */
  private keep(run: Promise<number>): void {
    run.catch(() => undefined);
    this.running.push(run);
  }

  /** Resolves when everything that was begun is published and acknowledged, with the minutes of each river that has floods. */
  async end(): Promise<Map<string, number>> {
    this.goOn = false;
    await Promise.all(this.running);
    const minutes = new Map<string, number>();
    for (const [river, ended] of this.floods) minutes.set(river, await ended);
    return minutes;
  }
}

/** Below every alarm, and no value twice. */
export const calm = (n: number): number => 1 + n / 1e6;

export function shuffled<T>(all: readonly T[], chance: () => number): T[] {
  const mixed = [...all];
  for (let at = mixed.length - 1; at > 0; at -= 1) {
    const other = Math.floor(chance() * (at + 1));
    [mixed[at], mixed[other]] = [mixed[other]!, mixed[at]!];
  }
  return mixed;
}
