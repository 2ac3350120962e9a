import { seededRandom } from '../../support/seeded.js';

/** Everything that is left to chance in a run, from its seed alone. */
export class Chance {
  private readonly next: () => number;

  constructor(private readonly seed: number) {
    this.next = seededRandom(seed);
    // Neighbouring seeds begin alike.
    for (let step = 0; step < 4; step += 1) this.next();
  }

  /** A stream of its own, so that what one part draws does not shift what another gets. */
  fork(name: string): Chance {
    let hash = this.seed ^ 0x9e3779b9;
    for (const letter of name) hash = Math.imul(hash ^ letter.charCodeAt(0), 0x01000193) >>> 0;
    return new Chance(hash);
  }

  /** A number in [0, below). */
  upTo(below: number): number {
    return this.next() * below;
  }

  /** A whole number, `from` and `to` among them. */
  whole(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1));
  }

  is(probability: number): boolean {
    return this.next() < probability;
  }

  one<Item>(items: readonly Item[]): Item {
    return items[Math.floor(this.next() * items.length)]!;
  }
}
