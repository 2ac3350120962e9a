import type { AlertView } from '@canh/contract/views.dto';
import { memo, type ReactNode } from 'react';
import { useAlert, useStanding } from '../live/hooks.js';
import { isAcknowledged } from '../live/order.js';
import { valueAndLimit, whatHappened } from '../text/limit-words.js';
import { useText } from '../text/text.js';
import { Age, OldReading } from '../ui/age.js';
import { PriorityMark } from '../ui/priority-mark.js';
import { AcknowledgeButton, Refusal } from './acknowledge-button.js';
import style from './alert-row.module.css';

interface Place {
  readonly chosen: boolean;
  /** From 1, of so many: for who cannot see the list. */
  readonly place: number;
  readonly of: number;
  readonly open: (id: string) => void;
}

/** One alert; it listens to this one and is drawn again for no other. */
export const AlertRow = memo(function AlertRow({ id, ...place }: Place & { id: string }): ReactNode {
  const alert = useAlert(id);
  return alert === undefined ? null : <Row alert={alert} {...place} />;
});

function Row({ alert, chosen, place, of, open }: Place & { alert: AlertView }): ReactNode {
  const { format } = useText();
  return (
    <li
      className={style.row}
      data-alert-id={alert.id}
      data-alert-version={alert.version}
      data-state={alert.state}
      data-chosen={chosen}
      data-testid="alert-row"
      aria-posinset={place}
      aria-setsize={of}
    >
      <button
        type="button"
        className={style.open}
        data-row
        aria-current={chosen ? 'true' : undefined}
        onClick={() => open(alert.id)}
      >
        <PriorityMark severity={alert.severity} state={alert.state} />
        <span className={style.age}>
          <Age since={alert.since} />
        </span>
        <span className={style.place}>
          <span className={style.station}>{format.text(alert.stationNames)}</span>
          <span className={style.rule}>
            {format.place(alert.areaNames)} · {format.text(alert.ruleNames)}
          </span>
        </span>
        <What alert={alert} />
      </button>
      <span className={style.answer}>
        <State alert={alert} />
        {!isAcknowledged(alert) && (
          <span className={style.act}>
            <AcknowledgeButton alert={alert} />
          </span>
        )}
      </span>
      <Refusal alert={alert} />
    </li>
  );
}

function What({ alert }: { alert: AlertView }): ReactNode {
  const text = useText();
  const standing = useStanding(alert);
  return (
    <span className={style.what}>
      <span className={`${style.happened} hatched`}>{whatHappened(standing, alert, text)}</span>
      <span className={`${style.second} ${style.values}`}>
        <span className="number hatched">{valueAndLimit(standing, alert, text)}</span>
        <OldReading measuredAt={standing.measuredAt} />
      </span>
    </span>
  );
}

/** What was answered and by whom. That nobody answered yet is said by the mark and by the button, and in words to who hears the page. */
function State({ alert }: { alert: AlertView }): ReactNode {
  const { words, format } = useText();
  const { state, acknowledgedBy, acknowledgedAt } = alert;
  return (
    <span className={style.state} data-testid="alert-state">
      <span className={state === 'active' ? 'sr-only' : style.word}>
        {state === 'returned' ? words.alerts.returnedShort : words.alerts.state[state]}
      </span>
      {acknowledgedBy !== null && acknowledgedAt !== null && (
        <span className={style.second}>{words.alerts.whoAt(acknowledgedBy, format.time(acknowledgedAt))}</span>
      )}
    </span>
  );
}
