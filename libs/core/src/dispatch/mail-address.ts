const LOCAL_PART = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/;
const LABEL = /^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/;

/**
 * Whether `text` is one bare e-mail address and nothing else: no display name, no list, no quotes, no comment, no line end, ASCII only.
 * Mail libraries read more than that into a string, and send to whom it names.
 */
export function isMailAddress(text: string): boolean {
  const at = text.lastIndexOf('@');
  if (at < 1 || text.length > 254) return false;
  const local = text.slice(0, at);
  const host = text.slice(at + 1);
  return local.length <= 64 && LOCAL_PART.test(local) && host.split('.').every((label) => LABEL.test(label));
}
