import type { ReactNode } from 'react';
import { useText } from '../text/text.js';
import { WrenchIcon } from '../ui/icons.js';
import style from './flag-badge.module.css';

/** Says how far a value is trusted where that is less than usual; grey, since bad data is work for tomorrow and not an alarm. */
export function FlagBadge({ flag, always = false }: { flag: number; always?: boolean }): ReactNode {
  const { words } = useText();
  const word = words.stations.flag[flag] ?? words.stations.flagOther(flag);
  if (flag < 3) return always ? <span>{word}</span> : null;
  return (
    <span className={style.badge} data-flag={flag} data-testid="flag">
      <WrenchIcon width={14} height={14} /> {word}
    </span>
  );
}
