import { useSyncExternalStore } from 'react';

const query = window.matchMedia('(max-width: 899px)');

function subscribe(changed: () => void): () => void {
  query.addEventListener('change', changed);
  return () => query.removeEventListener('change', changed);
}

/** One column: a phone, or a narrow window. The style sheets use the same width. */
export const useNarrow = (): boolean => useSyncExternalStore(subscribe, () => query.matches);
