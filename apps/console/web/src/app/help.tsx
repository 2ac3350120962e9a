import { Kbd, Modal, Switch } from '@mantine/core';
import type { ReactNode } from 'react';
import { useText } from '../text/text.js';
import { PriorityMark } from '../ui/priority-mark.js';
import { setTaste, useTaste } from '../ui/taste.js';
import style from './help.module.css';

/** The keys and what the marks mean. */
export function Help({ opened, close }: { opened: boolean; close: () => void }): ReactNode {
  const { words } = useText();
  const { keys } = useTaste();
  const rows: readonly (readonly [readonly string[], string])[] = [
    [['J', 'K'], words.help.move],
    [['Enter'], words.help.open],
    [['A'], words.help.acknowledge],
    [['/'], words.help.search],
    [['Esc'], words.help.closeDetail],
    [['?'], words.help.help],
  ];
  return (
    // The page does not scroll, so there is nothing to lock; the lock would write a style element.
    <Modal
      opened={opened}
      onClose={close}
      title={words.help.title}
      lockScroll={false}
      closeButtonProps={{ 'aria-label': words.close, size: 44 }}
      transitionProps={{ duration: 0 }}
    >
      <div className={style.help} data-testid="help">
        <dl className={style.keys}>
          {rows.map(([names, says]) => (
            <div key={says}>
              <dt>
                {names.map((name) => (
                  <Kbd key={name}>{name}</Kbd>
                ))}
              </dt>
              <dd>{says}</dd>
            </div>
          ))}
        </dl>
        <Switch
          size="md"
          checked={keys}
          onChange={(event) => setTaste({ keys: event.currentTarget.checked })}
          label={words.help.on}
        />
        <h3>{words.help.marks}</h3>
        <ul className={style.marks}>
          <li>
            <PriorityMark severity="critical" state="active" label={false} /> {words.help.filled}
          </li>
          <li>
            <PriorityMark severity="major" state="acknowledged" label={false} /> {words.help.still}
          </li>
          <li>
            <PriorityMark severity="warning" state="returned" label={false} /> {words.help.outline}
          </li>
        </ul>
        <p className="quiet">{words.help.hatched}</p>
        <p className="quiet">{words.help.sound}</p>
      </div>
    </Modal>
  );
}
