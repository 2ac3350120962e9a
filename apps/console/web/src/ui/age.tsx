import type { ReactNode } from 'react';
import { useClock } from '../live/hooks.js';
import { useText } from '../text/text.js';

/** How long ago, by the server's clock; ticks with all the others. */
export function Age({ since, as = (age) => age }: { since: number; as?: (age: string) => string }): ReactNode {
  const { format } = useText();
  const shown = useClock((now) => as(format.age(now - since)));
  return (
    <time className="number" dateTime={new Date(since).toISOString()} title={format.moment(since, 0)}>
      {shown}
    </time>
  );
}

/** A time of day, with its date when that is another day than today. */
export function Moment({ at, seconds = false }: { at: number; seconds?: boolean }): ReactNode {
  const { format } = useText();
  const shown = useClock((now) =>
    seconds && format.date(at) === format.date(now) ? format.clock(at) : format.moment(at, now),
  );
  return (
    <time className="number" dateTime={new Date(at).toISOString()}>
      {shown}
    </time>
  );
}

/** A number older than this is shown with its age wherever it stands without its time. */
const oldAfterMs = 15 * 60_000;

/** `đo 2 giờ 07 trước`; nothing for a reading of now. */
export function OldReading({ measuredAt }: { measuredAt: number }): ReactNode {
  const { words, format } = useText();
  const says = useClock((now) =>
    now - measuredAt > oldAfterMs ? words.alerts.measuredAgo(format.age(now - measuredAt)) : null,
  );
  return says === null ? null : <span className="number">{says}</span>;
}
