import { Button, Input, SegmentedControl, TextInput } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useEffect, useId, useRef, useState, type FormEvent, type KeyboardEvent, type ReactNode } from 'react';
import { NoAnswer } from '../api/client.js';
import { sendCommand } from '../api/devices.js';
import { useText } from '../text/text.js';
import type { Words } from '../text/vi.js';
import { problemWords } from '../ui/panel-error.js';
import style from './devices-section.module.css';

const lengths = ['10m', '1h', '24h', '7d'] as const;
type Length = (typeof lengths)[number];

interface Asked {
  readonly method: string;
  readonly params: unknown;
  readonly expires: Length;
}

/** The head of a device with the way to ask it for something, and what was said to the last that was asked. */
export function SendCommand({ deviceId, may, head }: { deviceId: string; may: boolean; head: ReactNode }): ReactNode {
  const { words } = useText();
  const client = useQueryClient();
  const [open, setOpen] = useState(false);
  const opener = useRef<HTMLButtonElement>(null);
  const close = (): void => {
    setOpen(false);
    requestAnimationFrame(() => opener.current?.focus());
  };
  const send = useMutation({
    mutationFn: (asked: Asked) => sendCommand(deviceId, asked),
    onSuccess: close,
    // Also where nobody knows whether it was taken: the list tells.
    onSettled: () => Promise.all(['devices', 'commands'].map((key) => client.invalidateQueries({ queryKey: [key] }))),
  });
  return (
    <>
      <div className={style.head}>
        {head}
        {may && !open && (
          <Button
            ref={opener}
            variant="default"
            className={style.opener ?? ''}
            aria-label={words.devices.sendTo(deviceId)}
            data-testid="open-send"
            onClick={() => {
              send.reset();
              setOpen(true);
            }}
          >
            {words.devices.send}
          </Button>
        )}
      </div>
      {may && open && (
        <CommandForm deviceId={deviceId} busy={send.isPending} send={(asked) => send.mutate(asked)} cancel={close} />
      )}
      <p className={style.outcome} role="status" data-testid="send-says">
        {send.isSuccess
          ? words.devices.taken(send.data.command)
          : send.error === null
            ? ''
            : refusal(send.error, words)}
      </p>
    </>
  );
}

const refusal = (error: Error, words: Words): string =>
  error instanceof NoAnswer ? words.devices.notKnown : words.devices.notSent(problemWords(error, words));

function CommandForm({
  deviceId,
  busy,
  send,
  cancel,
}: {
  deviceId: string;
  busy: boolean;
  send: (asked: Asked) => void;
  cancel: () => void;
}): ReactNode {
  const { words } = useText();
  const id = useId();
  const [expires, setExpires] = useState<Length>('1h');
  const [notJson, setNotJson] = useState(false);
  const first = useRef<HTMLInputElement>(null);
  useEffect(() => first.current?.focus(), []);

  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    if (busy) return;
    const form = new FormData(event.currentTarget);
    const params = parsed(form.get('params'));
    setNotJson(params === undefined);
    const method = form.get('method');
    if (params !== undefined && typeof method === 'string') send({ method: method.trim(), params, expires });
  };
  const leave = (event: KeyboardEvent): void => {
    if (event.key !== 'Escape' || event.nativeEvent.isComposing) return;
    // Otherwise the same key closes the station as well.
    event.preventDefault();
    cancel();
  };

  return (
    <form className={style.form} aria-label={words.devices.sendTo(deviceId)} data-testid="send-form" onSubmit={submit}>
      <TextInput
        size="md"
        ref={first}
        name="method"
        onKeyDown={leave}
        label={words.devices.method}
        placeholder="openGate"
        required
        withAsterisk={false}
        maxLength={100}
        pattern=".*\S.*"
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
      />
      <Input.Wrapper id={`${id}-params`} label={words.devices.params} size="md">
        <Input
          component="textarea"
          multiline
          size="md"
          id={`${id}-params`}
          name="params"
          onKeyDown={leave}
          rows={3}
          className={style.json ?? ''}
          placeholder='{"gate": 2, "percent": 40}'
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          aria-invalid={notJson}
          aria-describedby={notJson ? `${id}-not-json` : undefined}
        />
      </Input.Wrapper>
      {notJson && (
        <p id={`${id}-not-json`} className={style.fault} role="alert" data-testid="not-json">
          {words.devices.notJson}
        </p>
      )}
      <div>
        <p id={`${id}-expires`} className={style.label}>
          {words.devices.expires}
        </p>
        <SegmentedControl
          className={style.lengths ?? ''}
          aria-labelledby={`${id}-expires`}
          fullWidth
          value={expires}
          onChange={(value) => setExpires(value)}
          onKeyDown={leave}
          data={lengths.map((value) => ({ value, label: words.devices.lengths[value] }))}
          transitionDuration={0}
        />
      </div>
      <p className={style.kept}>{words.devices.keptSays}</p>
      <div className={style.buttons}>
        <Button type="submit" aria-disabled={busy} onKeyDown={leave} data-testid="send">
          {busy ? words.devices.sending : words.devices.submit}
        </Button>
        <Button variant="default" onClick={cancel} onKeyDown={leave}>
          {words.devices.cancel}
        </Button>
      </div>
    </form>
  );
}

/** What was written, an empty object where that is nothing; undefined where it is no JSON. */
function parsed(text: FormDataEntryValue | null): unknown {
  if (typeof text !== 'string' || text.trim() === '') return {};
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
