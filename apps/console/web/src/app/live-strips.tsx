import type { ReactNode } from 'react';
import { useLive, useLiveStatus } from '../live/hooks.js';
import { behindWorthSayingBytes } from '../live/live.js';
import { useText } from '../text/text.js';
import { Strip } from '../ui/strip.js';

/** Says when the numbers on the page are not of now, and of when they are. */
export function LiveStrips(): ReactNode {
  const { words, format } = useText();
  const live = useLive();
  const { trust, provedAt, silentSeconds, resumed, journalBehindBytes } = useLiveStatus();
  const age = format.age(silentSeconds * 1_000);
  return (
    <>
      {trust === 'late' && (
        <Strip tone="late" testId="late-strip">
          <span className="number">{words.live.lateStrip(age)}</span>
        </Strip>
      )}
      {trust === 'lost' && (
        <Strip tone="lost" testId="lost-strip">
          <strong>{words.live.lostTitle}</strong>
          <span>{provedAt === null ? words.live.neverStrip : words.live.lostStrip(format.clock(provedAt), age)}</span>
          <button type="button" onClick={live.reconnect}>
            {words.live.reconnect}
          </button>
        </Strip>
      )}
      {trust === 'live' && resumed !== null && (
        <Strip tone="said" testId="resumed-strip">
          {words.live.resumed(resumed)}
        </Strip>
      )}
      {trust === 'live' && journalBehindBytes > behindWorthSayingBytes && (
        <Strip tone="late" testId="behind-strip">
          {words.live.behind(format.bytes(journalBehindBytes))}
        </Strip>
      )}
    </>
  );
}
