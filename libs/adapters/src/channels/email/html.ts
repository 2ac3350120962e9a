/** Markup that is known to be whole; a plain string never is. */
export class Html {
  constructor(readonly text: string) {}
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

const escape = (text: string): string => text.replaceAll(/[&<>"']/g, (character) => ESCAPES[character] ?? '');

/** Template tag: whatever is put in is escaped, unless it is markup that this tag made. Injection cannot be written by forgetting something. */
export function html(strings: TemplateStringsArray, ...parts: readonly (string | Html | readonly Html[])[]): Html {
  const shown = (part: string | Html | readonly Html[]): string => {
    if (part instanceof Html) return part.text;
    return typeof part === 'string' ? escape(part) : part.map(({ text }) => text).join('');
  };
  return new Html(strings.reduce((whole, text, index) => whole + shown(parts[index - 1] ?? '') + text));
}

export const NOTHING = new Html('');

/** Text of several lines, each on its own. */
export function lines(text: string): Html {
  return new Html(text.split('\n').map(escape).join('<br>'));
}
