/** What another process or thread does to the records while a test looks on. Its parent says what, and when to begin. */
import { StatementSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import { loadServerKey } from '@canh/adapters/records-sql/server-key';
import { Tally } from '@canh/core/series/tally';
import { MINUTE_MS } from '@canh/core/time/instant';
import { openRecordsAt, type Records } from './records.parts.js';
import {
  changed,
  countsOf,
  NIGHT,
  raised,
  stretchOf,
  STRETCHES_SETTLED_AT_ONCE,
  wordOfTheRule,
} from './records.story.js';

export type Task =
  /** Opens the records and adds an area of its own. */
  | { readonly kind: 'open'; readonly address: string; readonly name: string }
  | { readonly kind: 'server-key'; readonly dataDir: string }
  /** Applies the words of the rules from the first one on, as a replay of the journal does, for ever; acknowledges every other alert. */
  | { readonly kind: 'apply-forever'; readonly address: string }
  /** Raises one alert and dies right after the `statements`-th statement that it runs for that. */
  | { readonly kind: 'die-applying'; readonly address: string; readonly statements: number }
  /** Keeps the books of stretch after stretch from where they are, as the processor does, for ever. */
  | { readonly kind: 'settle-forever'; readonly address: string }
  /** Begins and settles the first stretches and dies right after the `statements`-th statement that it runs for that. */
  | { readonly kind: 'die-settling'; readonly address: string; readonly statements: number }
  /** Makes one alert worse and better in turn, until it is told to stop. */
  | { readonly kind: 'worsen'; readonly address: string }
  /** Acknowledges whatever is open, until it is told to stop. */
  | { readonly kind: 'acknowledge'; readonly address: string };

export type Report =
  | { readonly kind: 'ready' }
  | { readonly kind: 'step' }
  | { readonly kind: 'done'; readonly result: unknown }
  | { readonly kind: 'failed'; readonly error: string };

const task = (parentPort === null ? JSON.parse(process.argv[2] ?? '') : workerData) as Task;

function tell(report: Report): void {
  if (parentPort !== null) parentPort.postMessage(report);
  else process.send?.(report);
}

/** Resolves with the parent's next word. */
const word = (): Promise<void> =>
  new Promise((resolve) => {
    if (parentPort !== null) parentPort.once('message', () => resolve());
    else process.once('message', () => resolve());
  });

/** A parent that is gone can no longer stop its child. */
process.once('disconnect', () => process.exit(1));

async function work(): Promise<unknown> {
  switch (task.kind) {
    case 'open': {
      const records = await openRecordsAt(task.address);
      const names = { vi: task.name, en: task.name };
      await records.inventoryDesk.putArea({ id: task.name, names, parentId: null, validFrom: null, validTo: null });
      await records.close();
      return null;
    }
    case 'server-key':
      return (await loadServerKey(task.dataDir)).export().toString('hex');
    case 'apply-forever':
      return applyForever(await openRecordsAt(task.address));
    case 'die-applying': {
      const records = await openRecordsAt(task.address);
      dieAfter(task.statements);
      return records.alertStore.apply([raised('thach-han', NIGHT)], NIGHT);
    }
    case 'settle-forever': {
      const records = await openRecordsAt(task.address);
      for (;;) {
        await settleNext(records);
        tell({ kind: 'step' });
        await messagesPass();
      }
    }
    case 'die-settling': {
      const records = await openRecordsAt(task.address);
      dieAfter(task.statements);
      return settleNext(records);
    }
    case 'worsen': {
      const records = await openRecordsAt(task.address);
      await records.alertStore.apply([raised('thach-han', NIGHT)], NIGHT);
      const steps = await untilStopped(async (n) => {
        const [previous, severity] =
          n % 2 === 0 ? (['warning', 'critical'] as const) : (['critical', 'warning'] as const);
        return (await records.alertStore.apply([changed('thach-han', NIGHT + n + 1, previous, severity)], NIGHT)) === 1;
      });
      await records.close();
      return steps;
    }
    case 'acknowledge': {
      const records = await openRecordsAt(task.address);
      const steps = await untilStopped(async (n) => {
        const [alert] = await records.alertDesk.list('open', 1);
        if (alert === undefined) return false;
        return (await records.alertDesk.acknowledge(alert.id, alert.version, 'lan', NIGHT + n, null))?.kind === 'done';
      });
      await records.close();
      return steps;
    }
  }
}

/** How many of the steps did something. */
async function untilStopped(step: (n: number) => Promise<boolean>): Promise<number> {
  let stopped = false;
  void word().then(() => (stopped = true));
  let done = 0;
  for (let n = 0; !stopped; n += 1) {
    if (await step(n)) {
      done += 1;
      tell({ kind: 'step' });
    }
    await messagesPass();
  }
  return done;
}

/** Lets reports out and the parent's word in. */
const messagesPass = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function applyForever(records: Records): Promise<never> {
  for (let index = 0; ; index += 1) {
    const transition = wordOfTheRule(index);
    const saved = await records.alertStore.apply([transition], transition.at);
    if (saved === 0) continue;
    tell({ kind: 'step' });
    if (transition.kind === 'returned' && index % 2 === 0)
      for (const { id, version } of await records.alertDesk.list('open', 10))
        await records.alertDesk.acknowledge(id, version, 'lan', transition.at, 'đã rõ');
    await messagesPass();
  }
}

async function settleNext({ ledger }: Records): Promise<void> {
  const place = await ledger.place();
  const tally = new Tally();
  const first = place.offset / stretchOf(0).next;
  const last = first + STRETCHES_SETTLED_AT_ONCE - 1;
  for (let n = first; n <= last; n += 1) {
    const stretch = stretchOf(n);
    const begun = place.begun.find(({ from }) => from === stretch.from);
    if (begun === undefined) await ledger.begin(stretch);
    tally.add((begun ?? stretch).lines);
  }
  const { next } = stretchOf(last);
  await ledger.settle({ next, lines: [...tally.lines()], counts: countsOf(last), at: NIGHT + last * MINUTE_MS });
}

function dieAfter(statements: number): void {
  let run = 0;
  for (const method of ['run', 'all', 'get'] as const) {
    const real = StatementSync.prototype[method] as (...parameters: unknown[]) => unknown;
    Object.assign(StatementSync.prototype, {
      [method](this: StatementSync, ...parameters: unknown[]): unknown {
        const result = real.apply(this, parameters);
        run += 1;
        if (run === statements) process.kill(process.pid, 'SIGKILL');
        return result;
      },
    });
  }
}

async function main(): Promise<void> {
  const begin = word();
  tell({ kind: 'ready' });
  await begin;
  tell(await work().then((result): Report => ({ kind: 'done', result }), failed));
  if (process.connected) process.disconnect();
}

const failed = (error: unknown): Report => ({
  kind: 'failed',
  error: error instanceof Error ? (error.stack ?? error.message) : String(error),
});

await main();
