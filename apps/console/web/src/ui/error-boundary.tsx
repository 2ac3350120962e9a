import { Button } from '@mantine/core';
import { Component, type ReactNode } from 'react';
import { useText } from '../text/text.js';
import style from './panel.module.css';

/** Keeps a broken part from taking the others with it. */
export class ErrorBoundary extends Component<{ children: ReactNode }, { broken: boolean }> {
  override state = { broken: false };

  static getDerivedStateFromError(): { broken: boolean } {
    return { broken: true };
  }

  override render(): ReactNode {
    return this.state.broken ? <Broken /> : this.props.children;
  }
}

function Broken(): ReactNode {
  const { words } = useText();
  return (
    <div className={style.state} role="alert">
      <p className={style.stateTitle}>{words.problem.page}</p>
      <Button variant="default" onClick={() => window.location.reload()}>
        {words.problem.reload}
      </Button>
    </div>
  );
}
