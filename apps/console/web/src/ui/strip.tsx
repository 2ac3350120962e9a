import type { ReactNode } from 'react';
import style from './strip.module.css';

/** A line over the whole width that says something about the page itself. */
export function Strip({
  tone,
  children,
  testId,
}: {
  tone: 'lost' | 'late' | 'said';
  children: ReactNode;
  testId?: string;
}): ReactNode {
  return (
    <div className={style.strip} data-tone={tone} data-testid={testId} role={tone === 'lost' ? 'alert' : 'status'}>
      {children}
    </div>
  );
}
