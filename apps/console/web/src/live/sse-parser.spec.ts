import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SseParser } from './sse-parser.js';

const STREAM =
  'event: beat\nid: 7\ndata: {"now":1}\n\n: a comment\n\nretry: 2000\nevent: alerts\r\nid: 8\r\ndata: {"a":\r\ndata: 2}\r\n\r\n';
const EVENTS = [
  { event: 'beat', id: '7', data: '{"now":1}' },
  { event: 'alerts', id: '8', data: '{"a":\n2}' },
];

describe('SseParser', () => {
  it('reads events, wherever the pieces break', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: STREAM.length - 1 }), { maxLength: 12 }), (cuts) => {
        const parser = new SseParser();
        const at = [0, ...cuts.toSorted((a, b) => a - b), STREAM.length];
        const events = at.slice(1).flatMap((end, index) => parser.push(STREAM.slice(at[index], end)));
        expect(events).toEqual(EVENTS);
      }),
    );
  });

  it('waits for the empty line before it believes an event', () => {
    const parser = new SseParser();
    expect(parser.push('event: beat\ndata: {}\n')).toEqual([]);
    expect(parser.push('\n')).toEqual([{ event: 'beat', data: '{}', id: null }]);
  });

  it('refuses an event that never ends', () => {
    const parser = new SseParser(1_000);
    expect(() => {
      for (let piece = 0; piece < 30; piece += 1) parser.push(`data: ${'x'.repeat(50)}\n`);
    }).toThrow(RangeError);
    expect(() => new SseParser(1_000).push('x'.repeat(2_000))).toThrow(RangeError);
  });
});
