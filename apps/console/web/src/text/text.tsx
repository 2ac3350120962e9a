import { createContext, useContext, type ReactNode } from 'react';
import type { Text } from './make-text.js';

const TextContext = createContext<Text | null>(null);

export function TextProvider({ text, children }: { text: Text; children: ReactNode }): ReactNode {
  return <TextContext value={text}>{children}</TextContext>;
}

/** The words and the number formats of the chosen language. */
export function useText(): Text {
  const text = useContext(TextContext);
  if (text === null) throw new Error('useText outside TextProvider: wrap the page in it, as app/page.tsx does.');
  return text;
}
