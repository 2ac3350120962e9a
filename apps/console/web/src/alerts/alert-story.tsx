import type { AlertEventView, DeliveryView } from '@canh/contract/views.dto';
import type { ReactNode } from 'react';
import { valueAndLimit } from '../text/limit-words.js';
import { useText } from '../text/text.js';
import { Moment } from '../ui/age.js';
import { PriorityMark } from '../ui/priority-mark.js';
import style from './alert-story.module.css';

/** What happened to the alert, newest first; it only grows. */
export function History({
  of,
  unit,
  decimals,
}: {
  of: readonly AlertEventView[];
  unit: string;
  decimals: number;
}): ReactNode {
  const text = useText();
  const { words } = text;
  const newestFirst = of.map((event, index) => ({ event, index })).toReversed();
  return (
    <ol className={style.list} data-testid="history">
      {newestFirst.map(({ event, index }) => (
        <li key={index} className={style.event}>
          <span className={style.when}>
            <Moment at={event.at} seconds />
          </span>
          <PriorityMark
            severity={event.severity}
            state={event.kind === 'returned' || event.kind === 'closed' ? 'closed' : 'acknowledged'}
          />
          <span className={style.words}>
            <span>
              <strong>{words.detail.historyKind[event.kind]}</strong>, {event.by ?? words.detail.byRule}
            </span>
            {event.evidence !== null && (
              <span className="quiet number">{valueAndLimit(event.evidence, { unit, decimals }, text)}</span>
            )}
            {event.note !== null && event.note !== '' && <q className={style.note}>{event.note}</q>}
          </span>
        </li>
      ))}
    </ol>
  );
}

/** Each message to each person, attempt by attempt. */
export function Deliveries({ of }: { of: readonly DeliveryView[] }): ReactNode {
  const { words } = useText();
  if (of.length === 0) return <p className="quiet">{words.detail.noDeliveries}</p>;
  return (
    <ul className={style.list} data-testid="deliveries">
      {of.map((delivery) => (
        <li key={delivery.id} className={style.delivery} data-state={delivery.state}>
          <div className={style.to}>
            <span>
              <strong>{delivery.contactName}</strong>, {words.detail.deliveryEvent[delivery.event]}
            </span>
            <span className={style.deliveryState}>
              {words.detail.deliveryState[delivery.state]}
              {delivery.state === 'pending' && delivery.nextAttemptAt !== null && (
                <NextAttempt at={delivery.nextAttemptAt} />
              )}
            </span>
          </div>
          <span className="quiet">
            {words.detail.channel[delivery.channel]}: {delivery.address}
            {delivery.digest && <>, {words.detail.inDigest}</>}
          </span>
          {delivery.attempts.length === 0 ? (
            <span className="quiet">{words.detail.noAttempt}</span>
          ) : (
            <ol className={style.attempts}>
              {delivery.attempts.map((attempt, index) => (
                <li key={index} data-outcome={attempt.outcome}>
                  <span className={style.when}>
                    <Moment at={attempt.at} seconds />
                  </span>
                  <span>
                    {words.detail.attempt(index + 1)}: {words.detail.outcome[attempt.outcome]}
                    {attempt.answer !== '' && <code className={style.answer}>{attempt.answer}</code>}
                  </span>
                </li>
              ))}
            </ol>
          )}
        </li>
      ))}
    </ul>
  );
}

function NextAttempt({ at }: { at: number }): ReactNode {
  const { words, format } = useText();
  return <>, {words.detail.nextAttempt(format.clock(at))}</>;
}
