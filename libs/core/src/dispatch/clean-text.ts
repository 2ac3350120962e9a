/** Whatever could end a header line, hide text, or turn the reading direction. */
const UNSEEN = /[\p{Cc}\p{Cs}\u2028\u2029\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]+/gu;

/** `text` as one harmless line of at most `length` characters: names come from people and files, and end in a subject line. */
export function oneLine(text: string, length: number): string {
  const line = text.normalize('NFC').replaceAll(UNSEEN, ' ').replaceAll(/\s+/g, ' ').trim();
  const characters = [...line];
  return characters.length <= length
    ? line
    : `${characters
        .slice(0, length - 1)
        .join('')
        .trimEnd()}…`;
}

/** Several lines, each harmless, at most `length` characters together. */
export function paragraphs(text: string, length: number): string {
  const lines = text.split(/\r\n|\r|\n/).map((line) => oneLine(line, length));
  return [...lines.join('\n').trim()].slice(0, length).join('');
}
