import { Button } from '@mantine/core';
import type { ReactNode } from 'react';
import { useText } from '../text/text.js';
import { BackIcon, CloseIcon } from './icons.js';
import style from './pane.module.css';
import { useNarrow } from './use-narrow.js';

/** What was opened from a list, beside it or, on a phone, over it. */
export function DetailPane({
  label,
  close,
  head,
  foot,
  children,
}: {
  label: string;
  close?: () => void;
  head: ReactNode;
  foot?: ReactNode;
  children: ReactNode;
}): ReactNode {
  const { words } = useText();
  const narrow = useNarrow();
  return (
    <article className={style.pane} aria-label={label} data-testid="detail">
      <header className={style.head}>
        {narrow && close !== undefined && <CloseButton close={close} label={words.back} icon={<BackIcon />} />}
        <div className={style.headWords}>{head}</div>
        {!narrow && close !== undefined && <CloseButton close={close} label={words.close} icon={<CloseIcon />} />}
      </header>
      <div className={style.body}>{children}</div>
      {foot !== undefined && foot !== null && <footer className={style.foot}>{foot}</footer>}
    </article>
  );
}

function CloseButton({ close, label, icon }: { close: () => void; label: string; icon: ReactNode }): ReactNode {
  return (
    <Button
      className={style.close ?? ''}
      variant="subtle"
      onClick={close}
      aria-label={label}
      title={label}
      data-testid="close-detail"
    >
      {icon}
    </Button>
  );
}

export function Section({
  title,
  children,
  aside,
}: {
  title: string;
  children: ReactNode;
  aside?: ReactNode;
}): ReactNode {
  return (
    <section className={style.section}>
      <div className={style.sectionHead}>
        <h3>{title}</h3>
        {aside}
      </div>
      {children}
    </section>
  );
}

/** Pairs of what and how much. */
export function Facts({ of }: { of: readonly { readonly name: string; readonly value: ReactNode }[] }): ReactNode {
  return (
    <dl className={style.facts}>
      {of.map(({ name, value }) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
