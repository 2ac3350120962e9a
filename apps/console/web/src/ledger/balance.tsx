import type { ReactNode } from 'react';
import { useText } from '../text/text.js';
import { CheckIcon, NotEqualIcon } from '../ui/icons.js';
import style from './balance.module.css';

/** Whether the books balance; `by`: what was received and has no place in them. */
export function Balance({ by }: { by: number }): ReactNode {
  const { words, format } = useText();
  if (by === 0) {
    return (
      <span className={style.holds} title={words.ledger.balancedSays} data-balanced="true">
        <CheckIcon width={18} height={18} /> <span className={style.word}>{words.ledger.balanced}</span>
      </span>
    );
  }
  return (
    <strong className={`${style.wrong} number`} data-balanced="false">
      <NotEqualIcon width={18} height={18} /> {words.ledger.unbalanced(format.integer(by))}
    </strong>
  );
}
