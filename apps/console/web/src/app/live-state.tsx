import type { ReactNode } from 'react';
import { useClock, useLiveStatus } from '../live/hooks.js';
import { useText } from '../text/text.js';
import style from './live-state.module.css';

/** Whether the page is live, proved by the server's own clock. */
export function LiveState(): ReactNode {
  const { words, format } = useText();
  const { trust } = useLiveStatus();
  const clock = useClock((now) => format.clock(now));
  return (
    <div className={style.state} data-trust={trust} data-testid="live-state">
      <svg className={style.mark} viewBox="0 0 16 16" aria-hidden>
        {trust === 'lost' ? (
          <path d="m3 3 10 10M13 3 3 13" />
        ) : (
          <circle cx="8" cy="8" r="5" data-full={trust === 'live'} />
        )}
      </svg>
      <span>{trust === 'connecting' ? words.live.connecting : words.live.state[trust]}</span>
      {(trust === 'live' || trust === 'late') && (
        <time className="number" title={words.live.serverClock}>
          {clock}
        </time>
      )}
    </div>
  );
}
