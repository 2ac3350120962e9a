import { describe, expect, it } from 'vitest';
import { MINUTE_MS } from '../time/instant.js';
import { canaryTransition } from './canary.js';

const NOW = Date.UTC(2026, 10, 21, 19, 5);
const WITHIN = 3 * MINUTE_MS;
const heard = { judgedMs: 0, storedMs: 20_000 };

describe('a canary that does not come out of the path', () => {
  it('is nothing to tell of before its time is over', () => {
    expect(canaryTransition(null, heard, WITHIN, NOW)).toBeNull();
    expect(canaryTransition(null, { judgedMs: WITHIN, storedMs: WITHIN }, WITHIN, NOW)).toBeNull();
  });

  it('is critical where nothing is judged, from when it was last seen', () => {
    const silence = { judgedMs: 200_000, storedMs: 210_000 };
    expect(canaryTransition(null, silence, WITHIN, NOW)).toMatchObject({
      kind: 'raised',
      severity: 'critical',
      since: NOW - 200_000,
      evidence: { value: 3.3, limit: 3 },
    });
  });

  it('is less than that while readings are judged and only not stored, and gets worse when that ends too', () => {
    const judged = { judgedMs: 1_000, storedMs: 200_000 };
    expect(canaryTransition(null, judged, WITHIN, NOW)).toMatchObject({ kind: 'raised', severity: 'major' });
    const open = { severity: 'major', raisedAt: NOW } as const;
    expect(canaryTransition(open, judged, WITHIN, NOW + 1_000)).toBeNull();
    expect(canaryTransition(open, { judgedMs: 200_000, storedMs: 400_000 }, WITHIN, NOW + 1_000)).toMatchObject({
      kind: 'severity-changed',
      severity: 'critical',
      previous: 'major',
    });
  });

  it('is over when it comes again, also by a clock that was set back since', () => {
    const open = { severity: 'critical', raisedAt: NOW } as const;
    expect(canaryTransition(open, heard, WITHIN, NOW - 3_600_000)).toMatchObject({
      kind: 'returned',
      previous: 'critical',
      at: NOW + 1,
    });
  });
});
