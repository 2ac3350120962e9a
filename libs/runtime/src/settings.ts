import { readFileSync } from 'node:fs';
import { validateSync } from 'class-validator';
import { CanhError } from '@canh/core/canh-error';
import { keepSecret } from './without-secrets.js';

/** What a setting is called outside and what it does, in one sentence for the manual. */
export interface SettingDeclaration {
  readonly name: `CANH_${string}`;
  readonly says: string;
  /** A secret can also come from a file named by `…_FILE`, and is never printed. */
  readonly secret?: boolean;
}

const declarations = new Map<object, Map<string, SettingDeclaration>>();

/** Declares a field of a settings class as a setting; its initial value is the default, class-validator's decorators its bounds. */
export function Setting(declaration: SettingDeclaration): PropertyDecorator {
  return (prototype, field) => {
    const own = declarations.get(prototype) ?? new Map<string, SettingDeclaration>();
    declarations.set(prototype, own.set(String(field), declaration));
  };
}

export type SettingsClass<T extends object = object> = new () => T;

/** The settings of a class and of the classes it extends, by field. */
export function settingsOf(settings: SettingsClass): Map<string, SettingDeclaration> {
  const all = new Map<string, SettingDeclaration>();
  for (
    let prototype: object | null = settings.prototype as object;
    prototype !== null;
    prototype = Object.getPrototypeOf(prototype) as object | null
  )
    for (const [field, declaration] of declarations.get(prototype) ?? []) all.set(field, declaration);
  return all;
}

/** Where settings are read from: the process's own variables, or a set made of them. */
export type Environment = Readonly<Record<string, string | undefined>>;

export const processEnvironment = (): Environment => process.env;

function given({ name, secret }: SettingDeclaration, environment: Environment): string | undefined {
  const value = environment[name];
  const file = secret === true ? environment[`${name}_FILE`] : undefined;
  if (file === undefined || file === '') return value === '' ? undefined : value;
  if (value !== undefined && value !== '')
    throw new CanhError('BAD_SETTING', `${name} and ${name}_FILE are both set. Keep one of them.`);
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (cause) {
    throw new CanhError(
      'BAD_SETTING',
      `${name}_FILE names ${file}, which cannot be read (${(cause as Error).message}).`,
      { cause },
    );
  }
}

function parsed(text: string, likeDefault: unknown): unknown {
  if (typeof likeDefault === 'number') return Number(text);
  if (typeof likeDefault === 'boolean')
    return text === 'true' || text === '1' ? true : text === 'false' || text === '0' ? false : text;
  return text;
}

/**
 * Reads the settings of one class from the environment. Throws CanhError `BAD_SETTING` that names every wrong one with what it may be;
 * a wrong value is never replaced by a guess.
 */
export function readSettings<T extends object>(settings: SettingsClass<T>, environment: Environment = process.env): T {
  const read = new settings();
  const fields = settingsOf(settings);
  const written = new Map<string, string>();
  for (const [field, declaration] of fields) {
    const text = given(declaration, environment);
    if (text === undefined) continue;
    written.set(field, text);
    if (declaration.secret === true) keepSecret(text);
    Object.assign(read, { [field]: parsed(text, (read as Record<string, unknown>)[field]) });
  }
  const wrong = validateSync(read, { forbidUnknownValues: false }).map(({ property, value, constraints }) => {
    const { name, secret } = fields.get(property) ?? { name: property, secret: false };
    const shown = secret === true ? '' : `='${written.get(property) ?? String(value)}'`;
    const why = Object.values(constraints ?? {}).map((text) => text.replace(property, 'it'));
    return `${name}${shown}: ${why.join(', ')}`;
  });
  if (wrong.length > 0) throw new CanhError('BAD_SETTING', `Wrong setting ${wrong.join('; ')}.`);
  return read;
}

/** Throws CanhError `UNKNOWN_SETTING` for a CANH_ variable that none of the classes declares: a typing error must not become a default. */
export function refuseUnknownSettings(classes: readonly SettingsClass[], environment: Environment = process.env): void {
  const known = new Set<string>();
  for (const settings of classes)
    for (const { name, secret } of settingsOf(settings).values()) {
      known.add(name);
      if (secret === true) known.add(`${name}_FILE`);
    }
  const unknown = Object.keys(environment).filter((name) => name.startsWith('CANH_') && !known.has(name));
  if (unknown.length > 0)
    throw new CanhError(
      'UNKNOWN_SETTING',
      `No setting is called ${unknown.join(', ')}. The ones there are: ${[...known].toSorted().join(', ')}.`,
    );
}
