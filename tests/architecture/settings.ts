import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { settingsOf, type SettingDeclaration, type SettingsClass } from '@canh/runtime/settings';
import { PROJECT, projectPaths, type Fault } from './source-files.js';

export interface SettingsFile {
  readonly path: string;
  readonly classes: readonly SettingsClass[];
}

const isSettingsClass = (value: unknown): value is SettingsClass =>
  typeof value === 'function' && value.prototype !== undefined && settingsOf(value as SettingsClass).size > 0;

/** Every settings class of the project, by the file that declares it; what every process has comes first. */
export async function settingsFiles(): Promise<SettingsFile[]> {
  const paths = projectPaths().filter((path) => /^(apps|libs)\/.*\.settings\.ts$/.test(path));
  const files = await Promise.all(
    paths.map(async (path) => {
      const exported = (await import(pathToFileURL(join(PROJECT, path)).href)) as Record<string, unknown>;
      return { path, classes: Object.values(exported).filter(isSettingsClass) };
    }),
  );
  return files.toSorted((a, b) => Number(b.path.startsWith('libs/')) - Number(a.path.startsWith('libs/')));
}

/** A setting may be inherited, but stands in one place. */
export function doubleFaults(classes: readonly SettingsClass[]): Fault[] {
  const first = new Map<string, SettingDeclaration>();
  const faults = new Set<Fault>();
  for (const declaration of classes.flatMap((settings) => [...settingsOf(settings).values()])) {
    const known = first.get(declaration.name) ?? declaration;
    first.set(declaration.name, known);
    if (known !== declaration)
      faults.add(`${declaration.name} is declared twice. Declare it once and extend that class`);
  }
  return [...faults];
}

/** The names that may stand in an environment, with `…_FILE` for the secrets. */
export function settingNames(classes: readonly SettingsClass[]): Set<string> {
  const declared = classes.flatMap((settings) => [...settingsOf(settings).values()]);
  return new Set(declared.flatMap(({ name, secret }) => (secret === true ? [name, `${name}_FILE`] : [name])));
}

/** Only texts, numbers and yes or no can be given in an environment; what has no default is shown empty. */
function shown(value: unknown): string {
  if (typeof value === 'string') return value.replace(`${PROJECT}/`, './');
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';
}

const HEAD = `# The settings of Canh with their defaults. Copy this file to .env beside it and change what should differ: npm start,
# npm run canh, npx canh and docker compose read .env from there. A variable of the environment goes before this file.
# A wrong or unknown name or value stops the start. This file is written from the declarations in the code:
# npm test -- tests/architecture/settings -u
`;

/** The text of `.env.example`: every setting once, under the part that declares it, then what only Docker Compose asks for. */
export function exampleText(files: readonly SettingsFile[], compose: ReadonlyMap<string, string>): string {
  const written = new Set<string>();
  const parts = [HEAD];
  for (const { path, classes } of files) {
    const lines: string[] = [];
    for (const settings of classes) {
      const defaults = new settings() as Record<string, unknown>;
      for (const [field, { name, says, secret }] of settingsOf(settings)) {
        if (written.has(name)) continue;
        written.add(name);
        const fromFile = secret === true ? ` Secret: ${name}_FILE can name a file that holds it instead.` : '';
        lines.push(`# ${says}${fromFile}\n# ${name}=${secret === true ? '' : shown(defaults[field])}`);
      }
    }
    if (lines.length > 0) parts.push(`## ${basename(path, '.settings.ts')}\n`, ...lines.map((line) => `${line}\n`));
  }
  const others = [...compose].filter(([name]) => !written.has(name));
  if (others.length > 0)
    parts.push('## docker-compose.yml\n', ...others.map(([name, says]) => `# ${says}\n# ${name}=\n`));
  return parts.join('\n');
}
