import type { Clock } from '@canh/core/time/instant';

/** The clock as something Nest can hand out: an interface cannot be asked for by its type. */
export abstract class Now implements Clock {
  abstract now(): number;
}
