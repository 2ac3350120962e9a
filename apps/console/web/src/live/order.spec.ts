import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { byImportance } from './order.js';
import { sampleAlert } from './samples.js';

const inOrder = (...alerts: Parameters<typeof sampleAlert>[0][]): string[] =>
  alerts
    .map(sampleAlert)
    .toSorted(byImportance)
    .map(({ id }) => id);

describe('byImportance', () => {
  it('puts what nobody acknowledged first, even under something worse that was', () => {
    expect(
      inOrder(
        { id: 'seen-critical', severity: 'critical', state: 'acknowledged' },
        { id: 'unseen-warning', severity: 'warning' },
      ),
    ).toEqual(['unseen-warning', 'seen-critical']);
  });

  it('puts what still goes on before what has returned', () => {
    expect(
      inOrder({ id: 'returned', severity: 'critical', state: 'returned' }, { id: 'active', severity: 'warning' }),
    ).toEqual(['active', 'returned']);
  });

  it('puts the worse first, then the newer, then goes by the id', () => {
    expect(
      inOrder(
        { id: 'b', severity: 'major', since: 5 },
        { id: 'a', severity: 'major', since: 5 },
        { id: 'newer', severity: 'major', since: 9 },
        { id: 'worst', severity: 'critical', since: 1 },
      ),
    ).toEqual(['worst', 'newer', 'a', 'b']);
  });

  it('is the same order however the alerts arrive', () => {
    const alert = fc.record({
      severity: fc.constantFrom('critical' as const, 'major' as const, 'warning' as const),
      state: fc.constantFrom('active' as const, 'acknowledged' as const, 'returned' as const, 'closed' as const),
      since: fc.integer({ min: 0, max: 3 }),
    });
    fc.assert(
      fc.property(fc.array(alert, { maxLength: 8 }), fc.integer(), (alerts, turn) => {
        const named = alerts.map(({ severity, state, since }, at) =>
          sampleAlert({ id: `a${at}`, severity, state, since }),
        );
        const by = named.length === 0 ? 0 : Math.abs(turn) % named.length;
        const turned = [...named.slice(by), ...named.slice(0, by)];
        expect(turned.toSorted(byImportance)).toEqual(named.toSorted(byImportance));
      }),
    );
  });
});
