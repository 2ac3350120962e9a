import { Button } from '@mantine/core';
import type { ReactNode } from 'react';
import { ApiProblem, NoAnswer } from '../api/client.js';
import { useText } from '../text/text.js';
import type { Words } from '../text/vi.js';
import style from './panel.module.css';

/** What went wrong and the way out, in the person's words; the server's own words only where the page has none. */
export function problemWords(error: unknown, words: Words): string {
  if (error instanceof NoAnswer) {
    if (error.why === 'timeout') return words.problem.timeout;
    return error.why === 'network' ? words.problem.network : words.problem.notUnderstood;
  }
  if (error instanceof ApiProblem) {
    if (error.status === 404) return words.problem.gone;
    return error.message === '' ? words.problem.server(error.status) : words.problem.ours(error.message);
  }
  return words.problem.page;
}

/** Where a panel would be, when it could not be fetched. */
export function PanelError({
  error,
  again,
  busy = false,
}: {
  error: unknown;
  again?: () => void;
  busy?: boolean;
}): ReactNode {
  const { words } = useText();
  return (
    <div className={style.state} role="alert">
      <p className={style.stateTitle}>{words.problem.panel}</p>
      <p className="quiet">{problemWords(error, words)}</p>
      {again !== undefined && (
        <Button variant="default" onClick={again} loading={busy}>
          {words.tryAgain}
        </Button>
      )}
    </div>
  );
}
