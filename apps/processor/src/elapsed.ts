import type { Clock, Instant } from '@canh/core/time/instant';

/** Milliseconds since `then`. A clock that was set back has passed it again only after a while: nobody is to wait for that. */
export const elapsedMs = (clock: Clock, then: Instant): number => Math.abs(clock.now() - then);
