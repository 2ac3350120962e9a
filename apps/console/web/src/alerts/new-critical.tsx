import type { AlertView } from '@canh/contract/views.dto';
import { Button } from '@mantine/core';
import type { ReactNode } from 'react';
import { useStanding } from '../live/hooks.js';
import { whatHappened } from '../text/limit-words.js';
import { useText } from '../text/text.js';
import { go } from '../ui/address.js';
import { PriorityMark } from '../ui/priority-mark.js';
import style from './new-critical.module.css';

/** The worst does not wait: what is critical, unanswered and not among the rows shown has its own strip above them. */
export function NewCritical({ alerts }: { alerts: readonly AlertView[] }): ReactNode {
  const { words } = useText();
  const first = alerts[0];
  if (first === undefined) return null;
  return (
    <div className={style.critical} data-testid="new-critical">
      <PriorityMark severity="critical" state="active" label={false} />
      <span className={style.words}>
        <strong>{words.alerts.newCritical(alerts.length)}</strong>
        <span className={style.what}>
          <What of={first} />
        </span>
      </span>
      <Button variant="filled" onClick={() => go({ view: 'alerts', alert: first.id, station: null, metric: null })}>
        {words.alerts.see}
      </Button>
    </div>
  );
}

function What({ of }: { of: AlertView }): ReactNode {
  const text = useText();
  const standing = useStanding(of);
  return (
    <>
      {text.format.text(of.stationNames)}, {whatHappened(standing, of, text)}
    </>
  );
}
