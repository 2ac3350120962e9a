import { useSyncExternalStore } from 'react';

const query = window.matchMedia('(max-width: 1099px)');

function subscribe(changed: () => void): () => void {
  query.addEventListener('change', changed);
  return () => query.removeEventListener('change', changed);
}

/** Room for one pane only: a phone, a tablet, a narrow window. shell.module.css uses the same width. */
export const useNarrow = (): boolean => useSyncExternalStore(subscribe, () => query.matches);
