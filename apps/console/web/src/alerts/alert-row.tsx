import type { AlertView } from '@canh/contract/views.dto';
import { memo, type ReactNode } from 'react';
import { useAlert } from '../live/hooks.js';
import { isAcknowledged } from '../live/order.js';
import { valueAndLimit, whatHappened } from '../text/limit-words.js';
import { useText } from '../text/text.js';
import { Age } from '../ui/age.js';
import { PriorityMark } from '../ui/priority-mark.js';
import { AcknowledgeButton, Refusal } from './acknowledge-button.js';
import style from './alert-row.module.css';

/** One alert; it listens to this one and is drawn again for no other. */
export const AlertRow = memo(function AlertRow({
  id,
  chosen,
  place,
  of,
  open,
}: {
  id: string;
  chosen: boolean;
  place: number;
  of: number;
  open: (id: string) => void;
}): ReactNode {
  const text = useText();
  const { format } = text;
  const alert = useAlert(id);
  if (alert === undefined) return null;
  return (
    <li
      className={style.row}
      data-alert-id={id}
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
        onClick={() => open(id)}
      >
        <PriorityMark severity={alert.severity} state={alert.state} />
        <span className={style.age}>
          <Age since={alert.since} />
        </span>
        <span className={style.place}>
          <span className={style.station}>{format.text(alert.stationNames)}</span>
          <span className={style.second}>{format.place(alert.areaNames)}</span>
        </span>
        <span className={style.what}>
          <span className={`${style.happened} hatched`}>{whatHappened(alert, text)}</span>
          <span className={`${style.second} number hatched`}>{valueAndLimit(alert, text)}</span>
        </span>
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
});

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
