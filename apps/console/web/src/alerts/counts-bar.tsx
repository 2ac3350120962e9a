import type { Severity } from '@canh/core/rules/rule';
import type { ReactNode } from 'react';
import { useListState, useOpenAlerts } from '../live/hooks.js';
import { useText } from '../text/text.js';
import { go, useAddress } from '../ui/address.js';
import { PriorityMark } from '../ui/priority-mark.js';
import style from './counts-bar.module.css';
import { countAlerts } from './filter.js';

const worstFirst: readonly Severity[] = ['critical', 'major', 'warning'];

/** How many alerts are open, of which urgency and how many nobody has answered: each count is a filter. */
export function CountsBar(): ReactNode {
  const { words, format } = useText();
  const open = useOpenAlerts();
  const ready = useListState() === 'ready';
  const { view, severity, unacknowledged } = useAddress();
  const counts = countAlerts(open);
  const on = view === 'alerts';
  const shown = (count: number): string => (ready ? format.integer(count) : '—');
  return (
    <div className={style.bar} role="group" aria-label={words.alerts.counts} data-testid="counts">
      {worstFirst.map((one) => (
        <button
          key={one}
          type="button"
          className={style.count}
          aria-pressed={on && severity === one}
          aria-label={words.alerts.countOf(words.severity[one], counts[one])}
          data-testid={`count-${one}`}
          data-none={counts[one] === 0}
          data-count={ready ? counts[one] : undefined}
          onClick={() => go({ view: 'alerts', severity: on && severity === one ? null : one }, on ? 'replace' : 'push')}
        >
          <PriorityMark severity={one} state={counts[one] === 0 ? 'closed' : 'acknowledged'} label={false} />
          <span className={`${style.number} number hatched`}>{shown(counts[one])}</span>
          <span className={style.word}>{words.severity[one]}</span>
        </button>
      ))}
      <button
        type="button"
        className={style.count}
        aria-pressed={on && unacknowledged}
        data-testid="count-unacknowledged"
        data-none={counts.unacknowledged === 0}
        data-count={ready ? counts.unacknowledged : undefined}
        onClick={() => go({ view: 'alerts', unacknowledged: !(on && unacknowledged) }, on ? 'replace' : 'push')}
      >
        <span className={`${style.number} number hatched`}>{shown(counts.unacknowledged)}</span>
        <span className={style.always}>{words.alerts.unacknowledged}</span>
      </button>
    </div>
  );
}
