import type { DeviceCommandView } from '@canh/contract/views.dto';
import { useQuery } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { commandQuery, isKept } from '../api/devices.js';
import { useClock } from '../live/hooks.js';
import { useText } from '../text/text.js';
import { Moment } from '../ui/age.js';
import { ClockIcon } from '../ui/icons.js';
import { problemWords } from '../ui/panel-error.js';
import style from './devices-section.module.css';

/** A broker looks for new commands every second, and the page every two. */
const soonMs = 5_000;
/** In characters; the rest is shown when it is asked for. */
const shownOfParams = 300;
const shownOfAnswer = 600;

/** One command: what was asked, how far it is, and what came back. */
export function CommandRow({ of }: { of: DeviceCommandView }): ReactNode {
  const { words, format } = useText();
  const { command, method, params, by, state, created, expires, through, delivered, answered } = of;
  const kept = isKept(state);
  const until = useClock((now) => {
    if (!kept) return null;
    const says = words.devices.keptUntil(format.moment(expires, now));
    return state === 'waiting' && now - created > soonMs ? `${words.devices.nobodyListens} ${says}` : says;
  });
  const withWhat = JSON.stringify(params);
  const says = until ?? words.devices.stateSays[state];
  return (
    <div className={style.row} data-testid="command" data-command={command} data-state={state}>
      <p className={style.asked}>
        <code className={style.method}>{method}</code>
        <span className={`${style.state} hatched`} data-kept={kept}>
          {kept && <ClockIcon width={14} height={14} />}
          {words.devices.state[state]}
        </span>
        {withWhat !== '{}' && (
          <code className={style.params} title={withWhat.length > shownOfParams ? withWhat : undefined}>
            {cut(withWhat, shownOfParams)}
          </code>
        )}
      </p>
      {says !== '' && <p className={kept ? style.kept : 'quiet'}>{says}</p>}
      {of.answer !== null && <Answer of={of} answer={of.answer} />}
      <p className={`${style.when} quiet`}>
        <span>
          {words.devices.by(by)} <Moment at={created} seconds />
        </span>
        {through !== null && <span>{words.devices.through(through)}</span>}
        {delivered !== null && (
          <span>
            {words.devices.deliveredAt} <Moment at={delivered} seconds />
          </span>
        )}
        {answered !== null && (
          <span>
            {words.devices.answeredAt} <Moment at={answered} seconds />
          </span>
        )}
      </p>
    </div>
  );
}

function Answer({ of: { device, command, answerCut }, answer }: { of: DeviceCommandView; answer: string }): ReactNode {
  const { words } = useText();
  const [whole, setWhole] = useState(false);
  const query = useQuery({ ...commandQuery(device, command), enabled: whole && answerCut });
  const shown = whole ? (query.data?.answer ?? answer) : cut(answer, shownOfAnswer);
  return (
    <>
      <pre className={style.answer} aria-label={words.devices.answer} data-testid="command-answer">
        {shown === '' ? words.devices.emptyAnswer : shown}
      </pre>
      {!whole && (answerCut || answer.length > shownOfAnswer) && (
        <button type="button" className={style.more} onClick={() => setWhole(true)}>
          {words.devices.wholeAnswer}
        </button>
      )}
      {query.error !== null && <p role="alert">{problemWords(query.error, words)}</p>}
    </>
  );
}

const cut = (text: string, most: number): string => (text.length <= most ? text : `${text.slice(0, most)}…`);
