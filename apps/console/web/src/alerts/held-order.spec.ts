import { describe, expect, it } from 'vitest';
import { heldOrder } from './held-order.js';

describe('heldOrder', () => {
  it('follows the order while no hand is there', () => {
    expect(heldOrder(['a', 'b'], ['c', 'b', 'a'], false)).toEqual({ ids: ['c', 'b', 'a'], waiting: [] });
  });

  it('moves nothing under the hand and lets new rows wait', () => {
    expect(heldOrder(['a', 'b', 'c'], ['new', 'c', 'a'], true)).toEqual({ ids: ['a', 'b', 'c'], waiting: ['new'] });
  });

  it('holds nothing where there is nothing', () => {
    expect(heldOrder([], ['a'], true)).toEqual({ ids: ['a'], waiting: [] });
  });

  it('gives the same list where nothing changed, so nothing is drawn again', () => {
    const shown = ['a', 'b'];
    expect(heldOrder(shown, ['a', 'b'], false).ids).toBe(shown);
  });
});
