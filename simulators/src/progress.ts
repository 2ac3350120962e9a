import type { Clock } from '@canh/core/time/instant';

/** Where progress is written: process.stderr is one. */
export interface ProgressStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface ProgressOptions {
  readonly stream: ProgressStream;
  /** What a person waits for, Vietnamese first: `Phát lại / Replay`. */
  readonly label: string;
  readonly total: number;
  readonly clock: Clock;
}

/** A terminal is repainted at most this often. */
const REPAINT_MS = 100;
const BAR_WIDTH = 24;

/** Shows how far something is: on a terminal one line that is repainted, elsewhere (a log, a pipe) one line for each tenth. */
export class ProgressBar {
  private readonly startedAt: number;
  private paintedAt = Number.NEGATIVE_INFINITY;
  private tenth = 0;
  private done = 0;
  private finished = false;

  constructor(private readonly options: ProgressOptions) {
    this.startedAt = options.clock.now();
  }

  update(done: number): void {
    if (this.finished) return;
    this.done = Math.min(done, this.options.total);
    const { stream, clock } = this.options;
    if (stream.isTTY === true) {
      const now = clock.now();
      if (now - this.paintedAt < REPAINT_MS && this.done < this.options.total) return;
      this.paintedAt = now;
      stream.write(`\r${clip(this.line(), stream.columns ?? 80)}\u001b[K`);
    } else {
      const tenth = Math.floor(this.share() * 10);
      if (tenth <= this.tenth) return;
      this.tenth = tenth;
      stream.write(`${this.line()}\n`);
    }
  }

  /** Ends the line; what is written next starts on its own. Later updates are ignored. */
  finish(): void {
    if (this.finished) return;
    this.paintedAt = Number.NEGATIVE_INFINITY;
    this.update(this.done);
    this.finished = true;
    if (this.options.stream.isTTY === true) this.options.stream.write('\n');
  }

  private share(): number {
    return this.options.total === 0 ? 1 : this.done / this.options.total;
  }

  private line(): string {
    const { label, total, clock } = this.options;
    const seconds = (clock.now() - this.startedAt) / 1000;
    const rate = seconds > 0 ? this.done / seconds : 0;
    const filled = Math.floor(this.share() * BAR_WIDTH);
    const bar = '█'.repeat(filled) + '░'.repeat(BAR_WIDTH - filled);
    const left =
      this.done >= total ? clockText(seconds) : rate > 0 ? `còn/left ${clockText((total - this.done) / rate)}` : '';
    const percent = `${Math.floor(this.share() * 100)}`.padStart(3);
    return `${label} ${bar} ${percent} % ${this.done}/${total} ${rate.toFixed(rate < 10 ? 1 : 0)}/s ${left}`.trimEnd();
  }
}

function clockText(seconds: number): string {
  const whole = Math.ceil(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const end = String(rest).padStart(2, '0');
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, '0')}:${end}` : `${minutes}:${end}`;
}

/** A longer line would wrap, and every repaint would then leave one behind. */
function clip(line: string, columns: number): string {
  const characters = [...line];
  return characters.length < columns ? line : `${characters.slice(0, Math.max(0, columns - 2)).join('')}…`;
}
