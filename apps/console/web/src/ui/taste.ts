import { useSyncExternalStore } from 'react';
import type { Language } from '../text/format.js';

/** What a person likes on this computer; kept here and nowhere else. */
export interface Taste {
  /** Null: never chosen, the person's own language decides. */
  readonly language: Language | null;
  readonly keys: boolean;
}

const place = 'canh.taste';
const plain: Taste = { language: null, keys: true };
const listeners = new Set<() => void>();
let taste = read();

function read(): Taste {
  try {
    const kept = JSON.parse(window.localStorage.getItem(place) ?? '{}') as Record<string, unknown>;
    return {
      language: kept['language'] === 'vi' || kept['language'] === 'en' ? kept['language'] : null,
      keys: kept['keys'] !== false,
    };
  } catch {
    return plain; // storage is closed or was written by something else
  }
}

export function setTaste(change: Partial<Taste>): void {
  taste = { ...taste, ...change };
  try {
    window.localStorage.setItem(place, JSON.stringify(taste));
  } catch {
    // Without storage the choice holds until the page is closed.
  }
  for (const changed of [...listeners]) changed();
}

function subscribe(changed: () => void): () => void {
  listeners.add(changed);
  return () => listeners.delete(changed);
}

export function useTaste(): Taste {
  return useSyncExternalStore(subscribe, () => taste);
}
