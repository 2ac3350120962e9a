import { Skeleton } from '@mantine/core';
import type { ReactNode } from 'react';
import { useText } from '../text/text.js';
import style from './panel.module.css';

/** A panel with nothing in it says why, and what can be done. */
export function PanelEmpty({
  title,
  says,
  children,
}: {
  title: string;
  says?: string;
  children?: ReactNode;
}): ReactNode {
  return (
    <div className={style.state}>
      <p className={style.stateTitle}>{title}</p>
      {says !== undefined && <p className="quiet">{says}</p>}
      {children}
    </div>
  );
}

/** Rows that are still coming. */
export function PanelLoading({ rows = 6 }: { rows?: number }): ReactNode {
  const { words } = useText();
  return (
    <div className={style.loading} role="status" aria-label={words.loading}>
      {Array.from({ length: rows }, (_, row) => (
        <Skeleton key={row} height={36} radius={4} />
      ))}
    </div>
  );
}
