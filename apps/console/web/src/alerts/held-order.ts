/** What the list shows, and what waits until the hand is gone. */
export interface Shown {
  readonly ids: readonly string[];
  readonly waiting: readonly string[];
}

/**
 * Nothing moves under the hand: while it is there the rows stay where they are, closed ones too, and new ones wait. An empty list has
 * nothing that could move.
 */
export function heldOrder(shown: readonly string[], inOrder: readonly string[], held: boolean): Shown {
  if (!held || shown.length === 0) return { ids: sameIds(shown, inOrder) ? shown : inOrder, waiting: [] };
  const there = new Set(shown);
  return { ids: shown, waiting: inOrder.filter((id) => !there.has(id)) };
}

export const sameIds = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((id, index) => id === b[index]);
