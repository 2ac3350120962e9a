import type { AlertState } from '@canh/core/alerts/alert';
import type { Severity } from '@canh/core/rules/rule';
import { useState, type ReactNode } from 'react';
import { priorityOf, type Priority } from '../live/order.js';
import { useText } from '../text/text.js';
import style from './priority-mark.module.css';

const shapes: Record<Priority, { readonly path: string; readonly textY: number; readonly textSize: number }> = {
  1: { path: 'M4 4h20v20H4z', textY: 19.2, textSize: 15 },
  2: { path: 'M14 2.5 27 25H1z', textY: 22.6, textSize: 13 },
  3: { path: 'M14 1 27 14 14 27 1 14z', textY: 19, textSize: 14 },
};

/** How urgent, by colour and shape and number; how far it is answered, by fill and blink. Drawn, since the font lacks the shapes. */
export function PriorityMark({
  severity,
  state = 'acknowledged',
  label = true,
}: {
  severity: Severity;
  state?: AlertState;
  label?: boolean;
}): ReactNode {
  const { words } = useText();
  const priority = priorityOf(severity);
  const { path, textY, textSize } = shapes[priority];
  // All marks blink in the same beat, whenever their row appeared.
  const [beat] = useState(() => `-${Math.round(performance.now() % 2_000)}ms`);
  const says = `${words.priority(priority, words.severity[severity])}, ${words.alerts.state[state]}`;
  return (
    <span className={style.place} data-priority={priority} data-state={state}>
      <svg
        className={style.mark}
        viewBox="0 0 28 28"
        style={{ animationDelay: beat }}
        {...(label ? { role: 'img', 'aria-label': says } : { 'aria-hidden': true })}
      >
        <path className={style.shape} d={path} strokeLinejoin="round" />
        <text className={style.number} x="14" y={textY} fontSize={textSize} textAnchor="middle">
          {priority}
        </text>
      </svg>
    </span>
  );
}
