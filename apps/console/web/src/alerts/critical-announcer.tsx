import type { ReactNode } from 'react';
import { useOpenAlerts } from '../live/hooks.js';
import { whatHappened } from '../text/limit-words.js';
import { useText } from '../text/text.js';

const announcedAtOnce = 200;

/** For screen readers: every critical alert is said once, when it appears among those that nobody acknowledged. */
export function CriticalAnnouncer(): ReactNode {
  const text = useText();
  const { words, format } = text;
  const critical = useOpenAlerts().filter((alert) => alert.severity === 'critical' && alert.state === 'active');
  return (
    <ul className="sr-only" aria-live="assertive" aria-relevant="additions">
      {critical.slice(0, announcedAtOnce).map((alert) => (
        <li key={alert.id}>
          {words.alerts.announceCritical(format.text(alert.stationNames), whatHappened(alert.evidence, alert, text))}
        </li>
      ))}
    </ul>
  );
}
