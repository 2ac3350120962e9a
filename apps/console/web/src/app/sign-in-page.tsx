import { Button, PasswordInput, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, type FormEvent, type ReactNode } from 'react';
import { ApiProblem } from '../api/client.js';
import { signIn } from '../api/session.js';
import { useText } from '../text/text.js';
import type { Words } from '../text/vi.js';
import { problemWords } from '../ui/panel-error.js';
import { BrandMark } from '../ui/icons.js';
import { LanguageSwitch } from './person-menu.js';
import style from './sign-in-page.module.css';

/** Asks who is there. The address stays, so the person comes to the place that they meant. */
export function SignInPage({ ended }: { ended: boolean }): ReactNode {
  const { words } = useText();
  const client = useQueryClient();
  const attempt = useMutation({
    mutationFn: (credentials: { login: string; password: string }) => signIn(client, credentials),
  });

  const first = useRef<HTMLInputElement>(null);
  useEffect(() => first.current?.focus(), []);
  useEffect(() => {
    document.title = `${words.signIn.title} · ${words.product}`;
  }, [words]);

  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    attempt.mutate({ login: text(form, 'login'), password: text(form, 'password') });
  };

  return (
    <main className={style.page}>
      <form className={style.form} onSubmit={submit} data-testid="sign-in">
        <div className={style.brand}>
          <BrandMark />
          <span className={style.name}>{words.product}</span>
          <LanguageSwitch />
        </div>
        <div>
          <h1>{words.signIn.title}</h1>
          <p className="quiet">{words.signIn.says}</p>
        </div>
        {ended && attempt.error === null && (
          <p className={style.note} role="status">
            {words.signIn.ended}
          </p>
        )}
        {attempt.error !== null && (
          <p className={style.note} role="alert" data-testid="sign-in-error">
            {refusal(attempt.error, words)}
          </p>
        )}
        <TextInput
          size="md"
          ref={first}
          name="login"
          label={words.signIn.login}
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          required
          withAsterisk={false}
          maxLength={64}
        />
        <PasswordInput
          size="md"
          name="password"
          label={words.signIn.password}
          autoComplete="current-password"
          required
          withAsterisk={false}
          maxLength={256}
          visibilityToggleButtonProps={{ 'aria-label': words.signIn.showPassword }}
        />
        <Button type="submit" loading={attempt.isPending} data-testid="sign-in-submit">
          {words.signIn.submit}
        </Button>
      </form>
    </main>
  );
}

const text = (form: FormData, name: string): string => {
  const value = form.get(name);
  return typeof value === 'string' ? value : '';
};

function refusal(error: Error, words: Words): string {
  if (error instanceof ApiProblem && error.status === 401) return words.signIn.refused;
  return problemWords(error, words);
}
