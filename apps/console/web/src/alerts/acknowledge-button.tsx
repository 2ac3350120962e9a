import type { AlertView } from '@canh/contract/views.dto';
import { Button, Loader } from '@mantine/core';
import type { ReactNode } from 'react';
import { useClock } from '../live/hooks.js';
import { isAcknowledged } from '../live/order.js';
import { useText } from '../text/text.js';
import style from './acknowledge-button.module.css';
import { Conflict, refusalWords, useAcknowledge, useAnswering } from './use-acknowledge.js';

/** Acknowledges the alert as it stands here. Until the stream brings the change it says that it is being sent. */
export function AcknowledgeButton({ alert, prominent = false }: { alert: AlertView; prominent?: boolean }): ReactNode {
  const { words, format } = useText();
  const acknowledge = useAcknowledge();
  const answering = useAnswering(alert.id);
  const sending = answering.kind === 'sending';
  return (
    <Button
      className={style.button ?? ''}
      variant={prominent ? 'filled' : 'default'}
      data-testid="acknowledge"
      data-sending={sending}
      aria-disabled={sending}
      aria-label={sending ? words.alerts.sending : words.alerts.acknowledgeOf(format.text(alert.stationNames))}
      onClick={() => acknowledge({ id: alert.id, version: alert.version })}
      leftSection={sending ? <Loader size={14} color="currentColor" /> : undefined}
    >
      {sending ? words.alerts.sending : words.alerts.acknowledge}
    </Button>
  );
}

/** The answer that was not "yes", where there is one. */
export function Refusal({ alert }: { alert: AlertView }): ReactNode {
  const text = useText();
  const answering = useAnswering(alert.id);
  const refused = answering.kind === 'refused' ? answering.error : null;
  // That it failed is no news once the alert is acknowledged; who was quicker is.
  const error = refused instanceof Conflict || !isAcknowledged(alert) ? refused : null;
  const says = useClock((now) => (error === null ? null : refusalWords(error, now, text)));
  if (says === null) return null;
  return (
    <p className={style.refusal} role="status" data-testid="acknowledge-refusal">
      {says}
    </p>
  );
}
