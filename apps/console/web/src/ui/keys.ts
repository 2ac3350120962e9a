import { useEffect, useEffectEvent } from 'react';
import { useTaste } from './taste.js';

const isEditable = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && (target.isContentEditable || target.matches('input, textarea, select'));

/** `?` is Shift with the key of `/`. */
const nameOf = (event: KeyboardEvent): string => (event.code === 'Slash' && event.shiftKey ? 'Help' : event.code);

/**
 * Keys outside fields, by their place on the keyboard (`event.code`), so that a Vietnamese input method does not change them. Never while
 * text is being composed, with a modifier, or while a dialog is open.
 */
export function useKeys(keys: Readonly<Record<string, () => void>>): void {
  const { keys: on } = useTaste();
  const press = useEffectEvent((event: KeyboardEvent) => {
    if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (isEditable(event.target) || document.querySelector('[role="dialog"]') !== null) return;
    const act = keys[nameOf(event)];
    // A held key moves through a list, but acknowledges once.
    if (act === undefined || (event.repeat && event.code !== 'KeyJ' && event.code !== 'KeyK')) return;
    event.preventDefault();
    act();
  });
  useEffect(() => {
    if (!on) return undefined;
    const listen = (event: KeyboardEvent): void => press(event);
    document.addEventListener('keydown', listen);
    return () => document.removeEventListener('keydown', listen);
  }, [on]);
}
