import type { BooksView } from '@canh/contract/views.dto';
import type { ReactNode } from 'react';
import { useClock } from '../live/hooks.js';
import { behindWorthSayingBytes } from '../live/live.js';
import { useText } from '../text/text.js';
import { Strip } from '../ui/strip.js';
import style from './ledger-panel.module.css';

/** How far the books are. While the store takes nothing: how much is behind, since when, and why. */
export function BooksState({ books }: { books: BooksView | null }): ReactNode {
  const { words, format } = useText();
  const ages = useClock((now) =>
    [books?.accountedUpTo ?? now, books?.waitingSince ?? now].map((at) => format.age(now - at)).join('\n'),
  );
  if (books === null) {
    return (
      <Strip tone="late" testId="books-unknown">
        {words.ledger.noAnswer}
      </Strip>
    );
  }
  const { accountedUpTo, behindBytes, waitingSince, problems } = books;
  if (waitingSince === null && behindBytes <= behindWorthSayingBytes) {
    if (accountedUpTo === null) return null;
    return (
      <p className={style.upTo} data-testid="books-up-to">
        {words.ledger.upTo(format.clock(accountedUpTo))}
      </p>
    );
  }
  const [upToAge = '', waitingFor = ''] = ages.split('\n');
  return (
    <Strip tone="late" testId="books-behind">
      <strong>{words.ledger.behindTitle}</strong>
      {waitingSince !== null && (
        <span className="number">{words.ledger.waitingSince(format.clock(waitingSince), waitingFor)}</span>
      )}
      <span className="number">
        {accountedUpTo === null
          ? words.ledger.behindNothing
          : words.ledger.behindUpTo(format.clock(accountedUpTo), upToAge)}
      </span>
      <span className="number">{words.ledger.behindSize(format.bytes(behindBytes))}</span>
      <span className={style.why}>{words.ledger.behindSafe}</span>
      {problems.map((problem) => (
        <span key={problem} className={style.why} lang="en">
          {problem}
        </span>
      ))}
    </Strip>
  );
}
