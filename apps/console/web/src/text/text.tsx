import { createContext, useContext, type ReactNode } from 'react';
import { en } from './en.js';
import { makeFormat, type Format, type Language } from './format.js';
import { vi, type Words } from './vi.js';

export interface Text {
  readonly words: Words;
  readonly format: Format;
}

const catalogues: Record<Language, Words> = { vi, en };

export function makeText(language: Language, timezone: string): Text {
  return { words: catalogues[language], format: makeFormat(language, timezone, catalogues[language]) };
}

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
