/** What can wait: whose it is, how many bytes of a turn it takes, and since when it waits by the clock that `takeOlderThan` goes by. */
export interface Waiting {
  readonly deviceId: string;
  readonly bytes: number;
  readonly since: number;
}

/** What a device may send in one turn: about ten messages, so that a turn of a thousand devices is still short. */
const TURN_BYTES = 2_048;

class Line<T extends Waiting> {
  bytes = 0;
  /** What is left of its turn; less than nothing where the last message was larger than that. */
  credit = 0;
  private items: T[] = [];
  private gone = 0;

  constructor(readonly deviceId: string) {}

  get first(): T | undefined {
    return this.items[this.gone];
  }

  put(item: T): void {
    this.items.push(item);
    this.bytes += item.bytes;
  }

  take(): T {
    const item = this.items[this.gone]!;
    this.gone += 1;
    this.bytes -= item.bytes;
    if (this.gone === this.items.length) [this.items, this.gone] = [[], 0];
    return item;
  }
}

/**
 * A line for each device, taken from in turns of as many bytes for each (deficit round robin). Who had nothing waiting comes first, with
 * one turn: a reading now and then does not queue behind the backlogs of others. Each device's own order is kept.
 */
export class FairQueue<T extends Waiting> {
  count = 0;
  bytes = 0;
  private readonly lines = new Map<string, Line<T>>();
  /** Those whose first turn is still to come, and all others in the order of their turns. An emptied line waits for its turn to be forgotten: who comes back before that is not new. */
  private readonly fresh = new Set<Line<T>>();
  private readonly round = new Set<Line<T>>();

  put(item: T): void {
    let line = this.lines.get(item.deviceId);
    if (line === undefined) {
      line = new Line(item.deviceId);
      line.credit = TURN_BYTES;
      this.lines.set(item.deviceId, line);
      this.fresh.add(line);
    }
    line.put(item);
    this.count += 1;
    this.bytes += item.bytes;
  }

  bytesOf(deviceId: string): number {
    return this.lines.get(deviceId)?.bytes ?? 0;
  }

  /** Whose turn it is; undefined when nothing waits. */
  next(): T | undefined {
    while (this.count > 0) {
      const line = firstOf(this.fresh) ?? firstOf(this.round)!;
      if (line.first !== undefined && line.credit > 0) {
        line.credit -= line.first.bytes;
        return this.taken(line);
      }
      const wasFresh = this.fresh.delete(line);
      this.round.delete(line);
      if (line.first === undefined && !wasFresh) this.lines.delete(line.deviceId);
      else {
        line.credit += TURN_BYTES;
        this.round.add(line);
      }
    }
    return undefined;
  }

  /** What has waited since before `since`, whosever turn it is. */
  takeOlderThan(since: number): T[] {
    const old: T[] = [];
    for (const line of this.lines.values())
      while (line.first !== undefined && line.first.since < since) old.push(this.taken(line));
    return old;
  }

  private taken(line: Line<T>): T {
    const item = line.take();
    this.count -= 1;
    this.bytes -= item.bytes;
    if (this.count === 0) for (const lines of [this.lines, this.fresh, this.round]) lines.clear();
    return item;
  }
}

function firstOf<T>(set: ReadonlySet<T>): T | undefined {
  for (const first of set) return first;
  return undefined;
}
