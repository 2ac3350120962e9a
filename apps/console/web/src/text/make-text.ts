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
