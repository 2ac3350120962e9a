import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DuckDbSeriesStore } from '@canh/adapters/series-duckdb/duckdb-series-store';
import { eventually } from '../support/eventually.js';
import { Gauge, type RunningPath } from './gauge.js';

describe('the processor, stopped and started again', () => {
  let gauge: Gauge;
  let store: DuckDbSeriesStore;
  let running: RunningPath;

  const restart = async (): Promise<void> => {
    await running.close();
    running = await gauge.start(store);
  };

  beforeEach(async () => {
    gauge = await Gauge.open();
    ({ store } = await DuckDbSeriesStore.open(join(gauge.folder, 'series')));
    running = await gauge.start(store);
  });

  afterEach(async () => {
    await running.close();
    await store.close();
    await gauge.remove();
  });

  it('goes on with a hold where it was, and raises its alert once', async () => {
    await gauge.send(7, 7, 7, 7, 7);
    await eventually(() => expect(running.path.messages).toBe(5));
    await restart();
    await gauge.send(7, 7, 7, 7, 7);
    await eventually(() => expect(running.path.messages).toBe(5));
    expect(await gauge.alerts()).toEqual([]);
    await gauge.send(7);
    await eventually(async () => expect(await gauge.alerts()).toEqual(['active']));
    await restart();
    await gauge.send(7, 7);
    await eventually(async () => expect(await gauge.stored(store)).toEqual({ count: 13, sum: 91 }));
    expect(await gauge.alerts()).toEqual(['active']);
  });

  it('loses no alert that it could not save before it was stopped', async () => {
    await gauge.send(1);
    await eventually(() => expect(running.path.messages).toBe(1));
    const other = new DatabaseSync(gauge.records.file);
    other.exec('BEGIN IMMEDIATE');
    await gauge.send(...Array.from({ length: 11 }, () => 7));
    await eventually(() => expect(running.path.problem).toContain('Another process'));
    const closed = running.close();
    other.exec('ROLLBACK');
    other.close();
    await closed;
    running = await gauge.start(store);
    await eventually(async () => expect(await gauge.alerts()).toEqual(['active']));
  });

  it('reads a journal that was made anew from its beginning', async () => {
    for (let round = 0; round < 3; round += 1) await restart();
    await gauge.send(1, 1);
    await eventually(async () => expect((await gauge.stored(store)).count).toBe(2));
    await running.close();
    await gauge.replaceJournal();
    await gauge.replaceJournal();
    running = await gauge.start(store);
    await gauge.send(2, 2);
    await eventually(async () => expect((await gauge.stored(store)).count).toBe(4));
  });
});
