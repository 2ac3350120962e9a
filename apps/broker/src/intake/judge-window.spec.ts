import { describe, expect, it } from 'vitest';
import { JudgeWindow } from './judge-window.js';

const MEGABYTE = 2 ** 20;

describe('what may be written and not judged', () => {
  const keep = (window: JudgeWindow, bytes: number, offset: number, at: number): void => {
    window.written(bytes);
    window.kept(bytes, offset, at);
  };

  it('has no bound until somebody says where the judge is, and again when nobody does', () => {
    const window = new JudgeWindow();
    keep(window, 100 * MEGABYTE, 1, 0);
    expect(window.hasRoom).toBe(true);
    window.judgedTo(0, 1, true);
    expect(window.hasRoom).toBe(false);
    window.governed = false;
    expect(window.hasRoom).toBe(true);
  });

  it('gives room again with what is judged, and with what could not be kept', () => {
    const window = new JudgeWindow();
    keep(window, MEGABYTE, 10, 0);
    window.written(MEGABYTE);
    window.judgedTo(9, 1, false);
    expect([window.unjudged, window.hasRoom]).toEqual([2 * MEGABYTE, false]);
    window.failed(MEGABYTE);
    window.judgedTo(10, 2, false);
    expect([window.unjudged, window.hasRoom]).toEqual([0, true]);
  });

  it('is halved once for each time that the judge has gone through it too slowly, and no further than is useful', () => {
    const window = new JudgeWindow();
    keep(window, MEGABYTE, 10, 0);
    keep(window, MEGABYTE, 20, 100);
    window.judgedTo(10, 700, true);
    expect(window.bytes).toBe(MEGABYTE / 2);
    window.judgedTo(10, 900, true);
    expect(window.bytes).toBe(MEGABYTE / 2);
    window.judgedTo(20, 1_000, true);
    expect(window.bytes).toBe(MEGABYTE / 4);
    for (let n = 3; n < 20; n += 1) {
      keep(window, MEGABYTE, n * 10, n * 1_000);
      window.judgedTo(n * 10, n * 1_000 + 900, true);
    }
    expect(window.bytes).toBe(MEGABYTE / 4);
  });

  it('grows while the judge is quick and somebody waits, up to what is judged in a second', () => {
    const window = new JudgeWindow();
    const before = window.bytes;
    window.judgedTo(0, 0, false);
    expect(window.bytes).toBe(before);
    for (let n = 1; n < 100; n += 1) window.judgedTo(0, n, true);
    expect(window.bytes).toBe(16 * MEGABYTE);
  });

  it('remembers little while nobody judges, and is right when somebody does', () => {
    const window = new JudgeWindow();
    for (let n = 1; n <= 1_000_000; n += 1) keep(window, 100, n, n);
    window.judgedTo(999_999, 1_000_000, false);
    expect(window.unjudged).toBeGreaterThan(0);
    window.judgedTo(1_000_000, 1_000_000, false);
    expect(window.unjudged).toBe(0);
  });
});
