import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { FileJournalReader } from '@canh/adapters/journal-files/file-journal-reader';
import { processorSocket } from '@canh/adapters/processor-link/socket-path';
import { START, type JournalEntry, type JournalOffset } from '@canh/core/readings/journal';

const STEP_MS = 10;

/** Says on the processor's socket where the judge is, and goes through the journal at the pace that a test sets. */
export class ScriptedJudge {
  /** Every message it has passed, in order. */
  readonly judged: JournalEntry[] = [];
  messagesPerSecond = 0;
  private place: JournalOffset = START;
  private stopped = false;
  private running: Promise<void> = Promise.resolve();

  private constructor(
    private readonly server: Server,
    private readonly reader: FileJournalReader,
  ) {}

  static async open(folder: string, messagesPerSecond: number): Promise<ScriptedJudge> {
    const server = createServer((_request, response) =>
      response.end(JSON.stringify({ judged: judge.place, behindMs: 0 })),
    );
    const judge = new ScriptedJudge(server, new FileJournalReader(join(folder, 'journal')));
    judge.messagesPerSecond = messagesPerSecond;
    server.listen(processorSocket(folder));
    await once(server, 'listening');
    judge.running = judge.run();
    return judge;
  }

  async close(): Promise<void> {
    this.stopped = true;
    await this.running;
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
    await this.reader.close();
  }

  private async run(): Promise<void> {
    let read: readonly JournalEntry[] = [];
    let behind: JournalOffset = START;
    let next = 0;
    let credit = 0;
    for (let last = performance.now(); !this.stopped;) {
      await new Promise((resolve) => setTimeout(resolve, STEP_MS));
      const now = performance.now();
      // What it did not get to in time is lost to it, as it is to a judge that is busy otherwise.
      credit = Math.min((this.messagesPerSecond * (now - last)) / 1000 + (credit % 1), this.messagesPerSecond / 10);
      last = now;
      while (credit >= 1) {
        if (next === read.length) {
          this.place = behind;
          const batch = await this.reader.read(behind, 1);
          if (batch.next === behind) break;
          [read, behind, next] = [batch.entries, batch.next, 0];
          continue;
        }
        this.judged.push(read[next]!);
        next += 1;
        credit -= 1;
        this.place = read[next]?.offset ?? behind;
      }
    }
  }
}
