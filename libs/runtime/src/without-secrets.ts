/** Shorter ones would cut ordinary words out of every line. */
const SHORTEST_SECRET = 4;
const SHORTEST_SECRET_PATH = 12;
const CUT_OUT = '[secret]';

/** In every form in which it may turn up. */
const known = new Set<string>();

/** Never to be written anywhere from now on, in whatever words: the value of a secret setting, and the password in it where it is a URL. */
export function keepSecret(value: string): void {
  for (const secret of [value, ...credentialsIn(value)])
    if (secret.length >= SHORTEST_SECRET)
      for (const form of [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)]) known.add(form);
}

/** What a mail server's or a database's address holds, also as it is sent when one logs in. */
function credentialsIn(value: string): string[] {
  if (!URL.canParse(value)) return value.includes(':') ? [value.slice(value.indexOf(':') + 1)] : [];
  const url = new URL(value);
  const plain = (text: string): string => {
    try {
      return decodeURIComponent(text);
    } catch {
      return text;
    }
  };
  const [user, password] = [plain(url.username), plain(url.password)];
  const path = `${url.pathname}${url.search}`.replace(/^\/+/, '');
  const sent = password === '' ? [] : [`\0${user}\0${password}`, `${user}:${password}`, password, user];
  return [
    url.password,
    password,
    // Who listens for a heartbeat is often told apart by nothing but the path.
    ...(url.protocol.startsWith('http') && path.length >= SHORTEST_SECRET_PATH ? [path] : []),
    ...sent.slice(0, 3).map((text) => Buffer.from(text).toString('base64')),
  ];
}

const SECRET_NAME = String.raw`[\w.-]*(?:token|passw(?:or)?d|secret|authorization|cookie|api-?key)[\w.-]*`;
/** `"token":"…"` at any depth of an object. */
const BY_NAME = new RegExp(String.raw`("${SECRET_NAME}":)"(?:[^"\\]|\\.)*"`, 'gi');
/** The same inside a text, such as the body that a server repeats in its complaint. */
const BY_NAME_WITHIN = new RegExp(String.raw`(\\"${SECRET_NAME}\\":\s*\\").*?(\\")`, 'gi');
/** `user:password@` of any address, and what stands for the device in the address of the HTTP door. */
const IN_ADDRESS = /([a-z][a-z0-9+.-]*:\/\/)[^\s/"@\\]+@/gi;
const AT_THE_DOOR = /(\/api\/v1\/)[^\s/"?\\]+(?=\/)/g;
const IN_HEADER = /\b(Bearer|Basic) [\w~+/.=-]{6,}/g;

/** A line without what may not be in it: secret settings by their value, others by the name or the place in which they stand. */
export function withoutSecrets(line: string): string {
  let clean = line;
  for (const secret of known) if (clean.includes(secret)) clean = clean.replaceAll(secret, CUT_OUT);
  return clean
    .replace(BY_NAME, `$1"${CUT_OUT}"`)
    .replace(BY_NAME_WITHIN, `$1${CUT_OUT}$2`)
    .replace(IN_ADDRESS, `$1${CUT_OUT}@`)
    .replace(AT_THE_DOOR, `$1${CUT_OUT}`)
    .replace(IN_HEADER, `$1 ${CUT_OUT}`);
}

/** Control characters that JSON leaves as they are, line separators, and marks that turn the order of what is read around. */
// oxlint-disable-next-line no-control-regex, no-irregular-whitespace -- these are what is looked for
const UNSEEN = /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** One line of JSON in which nothing acts on the terminal or the eye of who reads it. */
export function harmlessLine(json: string): string {
  return json.replace(UNSEEN, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
