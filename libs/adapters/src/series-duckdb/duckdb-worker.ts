// This file starts a thread: from dist as JavaScript, in tests as it stands here with its types stripped. So it, and what it imports,
// takes packages, types, and files beside it by their names as they are here (.ts), and uses no syntax that needs more than stripping.
import { existsSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { DayFolder } from './day-files.ts';
import type { FromWorker, Question, SetAside } from './duckdb-questions.js';
import { NOT_THE_FILE, said } from './errors.ts';
import { OpenFile } from './open-file.ts';
import { Pauses } from './pauses.ts';

function fileIn(directory: string): string {
  return join(directory, 'readings.duckdb');
}

/** Opens the file; one that is broken is kept beside it under another name, and an empty one takes its place. */
async function openOrSetAside(
  directory: string,
  folder: DayFolder,
  notes: SetAside[],
): Promise<{ file: OpenFile; setAside: SetAside | null }> {
  const path = fileIn(directory);
  try {
    return { file: await OpenFile.open(path, folder, notes), setAside: null };
  } catch (error) {
    const reason = said(error);
    if (NOT_THE_FILE.test(reason) || !existsSync(path)) throw error;
    let nth = 1;
    while (existsSync(`${path}.broken-${nth}`)) nth += 1;
    const keptAs = `${path}.broken-${nth}`;
    renameSync(path, keptAs);
    if (existsSync(`${path}.wal`)) renameSync(`${path}.wal`, `${keptAs}.wal`);
    return { file: await OpenFile.open(path, folder, notes), setAside: { keptAs, reason } };
  }
}

/** Runs what it is given one after the other, whatever becomes of each. */
function oneAtATime(): <T>(work: () => T | Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return <T>(work: () => T | Promise<T>) => {
    const mine = last.then(work);
    last = mine.catch(() => undefined);
    return mine;
  };
}

function answering(
  directory: string,
  folder: DayFolder,
  notes: SetAside[],
  opened: OpenFile,
): (question: Question) => Promise<unknown> {
  const write = oneAtATime();
  const read = oneAtATime();
  const tend = oneAtATime();
  let file: OpenFile | null = opened;
  let closed = false;

  const open = async () => {
    if (closed) throw new Error('it was closed');
    return (file ??= await OpenFile.open(fileIn(directory), folder, notes));
  };
  // After a failed append (a full disk) DuckDB takes nothing more until the file is opened again, and no query may run meanwhile:
  // both happen in the line of the reads.
  const orOpenAgain = async <T>(current: OpenFile, work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      if (file === current) {
        file = null;
        await read(() => current.close());
      }
      throw error;
    }
  };
  const close = async () => {
    closed = true;
    await file?.close();
    file = null;
  };
  const sift = async ({ id, columns, newSeries }: Extract<Question, { kind: 'sift' }>) => {
    const current = await read(open);
    return orOpenAgain(current, () => current.sift(id, columns, newSeries));
  };
  const store = async ({ sifted }: Extract<Question, { kind: 'store' }>) => {
    const current = await read(open);
    if (!current.holds(sifted)) throw new Error('what was sifted is not held any more, and must be sifted again');
    await orOpenAgain(current, () => current.store());
    return {};
  };
  const pauses = new Pauses();
  const maintain = async ({ now, keep, rowsAtOnce }: Extract<Question, { kind: 'maintain' }>) => {
    const current = await read(open);
    const alone = (work: () => Promise<void>) => write(() => orOpenAgain(current, () => read(work)));
    // A write that failed may have ended the whole file: then it is opened again.
    const prove = async () => {
      if (file === current) await current.prove();
    };
    const proved = () => write(() => orOpenAgain(current, () => read(prove))).catch(() => undefined);
    try {
      const done = await current.maintain({ now, keep, rowsAtOnce, pauses }, alone);
      if (done.failed.length > 0) await proved();
      return { ...done, setAside: notes.splice(0) };
    } catch (error) {
      await proved();
      throw error;
    }
  };

  return (question) => {
    switch (question.kind) {
      case 'sift':
        return write(() => sift(question));
      case 'store':
        return write(() => store(question));
      case 'readings':
        return read(async () => (await open()).questions.readings(question.span, question.limit));
      case 'buckets':
        return read(async () => (await open()).questions.buckets(question.span, question.bucketMs));
      case 'summary':
        return read(async () => (await open()).questions.summary(question.span));
      case 'latest':
        return read(async () => (await open()).newest.all());
      case 'oldestUnsealed':
        return read(async () => ({ receivedAt: await (await open()).oldestUnsealed() }));
      case 'maintain':
        return tend(() => maintain(question));
      case 'close':
        return write(() => read(close));
    }
  };
}

async function work(port: MessagePort, directory: string): Promise<void> {
  const tell = (message: FromWorker) => port.postMessage(message);
  try {
    const notes: SetAside[] = [];
    const folder = new DayFolder(join(directory, 'days'));
    const { file, setAside } = await openOrSetAside(directory, folder, notes);
    const answer = answering(directory, folder, notes, file);
    port.on('message', (question: Question) => {
      const { id } = question;
      answer(question).then(
        (answer) => tell({ kind: 'answer', id, answer }),
        (error: unknown) => tell({ kind: 'failed', id, reason: said(error) }),
      );
    });
    tell({ kind: 'opened', series: file.series, rebuilt: file.filling, setAside });
  } catch (error) {
    tell({ kind: 'not-opened', reason: said(error) });
  }
}

await work(parentPort!, (workerData as { directory: string }).directory);
