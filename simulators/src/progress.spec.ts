import { describe, expect, it } from 'vitest';
import { ProgressBar, type ProgressStream } from './progress.js';

function shownOn(stream: Omit<ProgressStream, 'write'>, total: number) {
  let text = '';
  let now = 0;
  const bar = new ProgressBar({
    stream: { ...stream, write: (part: string) => (text += part) },
    label: 'Phát lại / Replay',
    total,
    clock: { now: () => now },
  });
  return { bar, after: (ms: number) => (now += ms), text: () => text };
}

describe('a progress bar', () => {
  it('on a terminal is one line that is repainted, with count, share, rate and what is left', () => {
    const { bar, after, text } = shownOn({ isTTY: true, columns: 120 }, 200);
    after(1_000);
    bar.update(50);
    expect(text()).toBe('\rPhát lại / Replay ██████░░░░░░░░░░░░░░░░░░  25 % 50/200 50/s còn/left 0:03\u001b[K');
    after(3_000);
    bar.update(200);
    bar.finish();
    expect(text().endsWith('100 % 200/200 50/s 0:04\u001b[K\n')).toBe(true);
    expect(text().split('\n')).toHaveLength(2);
  });

  it('does not repaint for every message, and never wraps', () => {
    const { bar, after, text } = shownOn({ isTTY: true, columns: 20 }, 10_000);
    for (let done = 1; done <= 1_000; done += 1) {
      after(1);
      bar.update(done);
    }
    const lines = text().split('\r').slice(1);
    expect(lines.length).toBeLessThanOrEqual(11);
    for (const line of lines) expect([...line.replace('\u001b[K', '')].length).toBeLessThan(20);
  });

  it('elsewhere is one line for each tenth', () => {
    const { bar, after, text } = shownOn({}, 1_000);
    for (let done = 1; done <= 1_000; done += 1) {
      after(10);
      bar.update(done);
    }
    bar.finish();
    const lines = text().trim().split('\n');
    expect(lines).toHaveLength(10);
    expect(lines[0]).toContain(' 10 % 100/1000 100/s còn/left 0:09');
  });

  it('of nothing is complete at once', () => {
    const { bar, text } = shownOn({}, 0);
    bar.update(0);
    expect(text()).toContain('100 % 0/0');
  });
});
