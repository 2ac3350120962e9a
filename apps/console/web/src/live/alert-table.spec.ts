import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AlertTable } from './alert-table.js';
import { sampleAlert } from './samples.js';

const versionOf = (table: AlertTable, id: string): number | undefined => table.get(id)?.version;
const openIds = (table: AlertTable): string[] =>
  table
    .open()
    .map(({ id }) => id)
    .toSorted();

describe('AlertTable', () => {
  it('passes over what it was told before, and what is older than what it knows', () => {
    const table = new AlertTable();
    expect(table.put([sampleAlert({ id: 'a', version: 2 })])).toEqual(['a']);
    expect(table.put([sampleAlert({ id: 'a', version: 2 })])).toEqual([]);
    expect(table.put([sampleAlert({ id: 'a', version: 1 })])).toEqual([]);
    expect(table.put([sampleAlert({ id: 'a', version: 5 })])).toEqual(['a']);
  });

  it('ends at the same alerts, however its news is repeated, lost in the middle, or turned around', () => {
    const news = [1, 2, 3, 4].flatMap((version) =>
      ['a', 'b', 'c'].map((id) =>
        sampleAlert({ id, version, state: version === 4 && id === 'c' ? 'closed' : 'active' }),
      ),
    );
    const last = news.slice(-3);
    fc.assert(
      fc.property(fc.shuffledSubarray([...news, ...news]), fc.nat(), (some, seed) => {
        const table = new AlertTable();
        const order = [...some, ...last].toSorted(
          (a, b) => ((a.version * 7 + seed) % 5) - ((b.version * 7 + seed) % 5),
        );
        for (const alert of order) table.put([alert]);
        expect(openIds(table)).toEqual(['a', 'b']);
        expect(['a', 'b', 'c'].map((id) => versionOf(table, id))).toEqual([4, 4, 4]);
      }),
    );
  });

  it('does not bring back a closed alert when older news of it arrives late', () => {
    const table = new AlertTable();
    table.put([sampleAlert({ id: 'a', version: 3, state: 'closed' })]);
    table.put([sampleAlert({ id: 'a', version: 2, state: 'acknowledged' })]);
    expect(openIds(table)).toEqual([]);
  });

  it('takes a complete list for what is open, but keeps what the stream told after the list was asked for', () => {
    const table = new AlertTable();
    table.put([sampleAlert({ id: 'closed-meanwhile' }), sampleAlert({ id: 'still-open' })]);
    const asked = table.mark();
    table.put([sampleAlert({ id: 'raised-meanwhile' })]);
    expect(table.replace([sampleAlert({ id: 'still-open', version: 2 })], asked, true).toSorted()).toEqual([
      'closed-meanwhile',
      'still-open',
    ]);
    expect(openIds(table)).toEqual(['raised-meanwhile', 'still-open']);
  });

  it('does not let an old list undo what the stream told meanwhile', () => {
    const table = new AlertTable();
    const asked = table.mark();
    table.put([sampleAlert({ id: 'a', version: 4, state: 'closed' })]);
    table.replace([sampleAlert({ id: 'a', version: 3 })], asked, true);
    expect(openIds(table)).toEqual([]);
  });

  it('forgets nothing for a list that was cut', () => {
    const table = new AlertTable();
    table.put([sampleAlert({ id: 'beyond-the-cut' })]);
    table.replace([sampleAlert({ id: 'a' })], table.mark(), false);
    expect(openIds(table)).toEqual(['a', 'beyond-the-cut']);
  });

  it('keeps the latest 500 closed alerts and every open one', () => {
    const table = new AlertTable();
    table.put([sampleAlert({ id: 'open' })]);
    for (let at = 0; at < 700; at += 1) table.put([sampleAlert({ id: `closed-${at}`, state: 'closed' })]);
    expect([table.get('closed-199'), table.get('closed-200')?.id, table.get('open')?.id]).toEqual([
      undefined,
      'closed-200',
      'open',
    ]);
  });
});
