import type { SessionView } from '@canh/contract/views.dto';
import { Button, Menu, SegmentedControl, useMantineColorScheme, type MantineColorScheme } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { signOut } from '../api/session.js';
import { useText } from '../text/text.js';
import { MailIcon, PersonIcon } from '../ui/icons.js';
import { setTaste } from '../ui/taste.js';
import style from './person-menu.module.css';

export function LanguageSwitch(): ReactNode {
  const { words, format } = useText();
  return (
    <SegmentedControl
      className={style.segmented ?? ''}
      aria-label={words.language}
      value={format.language}
      onChange={(language) => setTaste({ language })}
      data={[
        { value: 'vi', label: 'VI' },
        { value: 'en', label: 'EN' },
      ]}
      transitionDuration={0}
      data-testid="language"
    />
  );
}

const schemes: readonly MantineColorScheme[] = ['auto', 'light', 'dark'];

export function ThemeSwitch(): ReactNode {
  const { words } = useText();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  return (
    <SegmentedControl
      className={style.segmented ?? ''}
      aria-label={words.header.theme}
      value={colorScheme}
      onChange={setColorScheme}
      data={schemes.map((value) => ({ value, label: words.header.themes[value] }))}
      transitionDuration={0}
      fullWidth
      data-testid="theme"
    />
  );
}

/** What stands in the header where there is room; a phone has it in the menu. */
export function Preferences({ session }: { session: SessionView }): ReactNode {
  const { words } = useText();
  return (
    <div className={style.wide}>
      {session.demoInboxUrl !== null && (
        <Button
          component="a"
          variant="subtle"
          href={session.demoInboxUrl}
          target="_blank"
          rel="noreferrer"
          title={words.header.demoInboxSays}
          aria-label={words.header.demoInbox}
          data-testid="demo-inbox"
        >
          <MailIcon />
          <span className={style.inboxWord}>{words.header.demoInbox}</span>
        </Button>
      )}
      <LanguageSwitch />
    </div>
  );
}

export function PersonMenu({ session, help }: { session: SessionView; help: () => void }): ReactNode {
  const { words } = useText();
  const client = useQueryClient();
  const leave = useMutation({ mutationFn: () => signOut(client) });
  const { name, role, login } = session.operator;
  return (
    <Menu position="bottom-end" width={264} withinPortal transitionProps={{ duration: 0 }} shadow="md">
      <Menu.Target>
        <Button
          variant="subtle"
          className={style.person ?? ''}
          aria-label={words.header.account(name)}
          data-testid="person"
        >
          <PersonIcon />
          <span className={style.name}>{name}</span>
        </Button>
      </Menu.Target>
      <Menu.Dropdown className={style.dropdown ?? ''}>
        <div className={style.who}>
          <strong>{name}</strong>
          <span className="quiet">
            {words.header.role[role]} ({login})
          </span>
        </div>
        <div className={style.choice}>
          <span className="quiet">{words.header.theme}</span>
          <ThemeSwitch />
        </div>
        <div className={`${style.choice} ${style.narrow}`}>
          <span className="quiet">{words.language}</span>
          <LanguageSwitch />
        </div>
        {session.demoInboxUrl !== null && (
          <Menu.Item
            component="a"
            href={session.demoInboxUrl}
            target="_blank"
            rel="noreferrer"
            className={`${style.item} ${style.narrow}`}
          >
            {words.header.demoInbox}
          </Menu.Item>
        )}
        <Menu.Item className={style.item ?? ''} onClick={help}>
          {words.header.help}
        </Menu.Item>
        <Menu.Item
          className={style.item ?? ''}
          onClick={() => leave.mutate()}
          disabled={leave.isPending}
          data-testid="sign-out"
        >
          {words.header.signOut}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
