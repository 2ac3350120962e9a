import type { JournalWriter } from '@canh/core/readings/journal';
import type { MessageKind, Refusal } from '@canh/core/readings/message';
import type { Clock } from '@canh/core/time/instant';
import type { Log } from '@canh/runtime/log';

/** A flood of refusals must not fill the journal: beyond this many in a second they are only counted. */
const KEPT_REFUSALS_PER_SECOND = 5;

/** What every door for devices hands its messages to: the journal, and nothing but the journal. */
export class Intake {
  private keptThisSecond = 0;
  private second = 0;

  constructor(
    private readonly journal: JournalWriter,
    private readonly clock: Clock,
    private readonly log: Log,
    /** Counts a refusal for the metrics. */
    private readonly refused: (refusal: Refusal) => void,
  ) {}

  /** Resolves when the message is on disk; only then may the device be told that it was received. */
  accept(kind: MessageKind, deviceId: string, payload: Uint8Array): Promise<unknown> {
    return this.journal.append({ kind, deviceId, receivedAt: this.clock.now(), payload });
  }

  /** Keeps what was turned away where the page can show it, with why. */
  refuse(deviceId: string, refusal: Refusal): void {
    this.refused(refusal);
    const now = this.clock.now();
    const second = Math.floor(now / 1000);
    if (second !== this.second) [this.second, this.keptThisSecond] = [second, 0];
    this.keptThisSecond += 1;
    if (this.keptThisSecond > KEPT_REFUSALS_PER_SECOND) return;
    this.log.warn({ event: 'door.refused', deviceId, ...refusal }, 'a device was refused');
    const payload = Buffer.from(JSON.stringify(refusal));
    this.journal
      .append({ kind: 'refused', deviceId, receivedAt: now, payload })
      .catch((error: Error) => this.log.error({ event: 'door.refusal-not-kept', error: error.message }, error.message));
  }
}
