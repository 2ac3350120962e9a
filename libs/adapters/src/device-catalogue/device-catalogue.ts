import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClassConstructor } from 'class-transformer';
import { checkDocument, pathText, type Problem } from '@canh/contract/document';
import { DEVICE_KINDS, ProfileDocument, profileOf } from '@canh/contract/profile.document';
import { disagreements, RulesDocument, thresholdRuleOf } from '@canh/contract/rule.document';
import { CanhError } from '@canh/core/canh-error';
import type { Catalogue } from '@canh/core/rules/catalogue';
import type { ThresholdRule } from '@canh/core/rules/rule';
import type { Profile } from '@canh/core/stations/profile';
import { readYamlFile } from './yaml-file.js';

/** More than a province has, and few enough to keep in memory beside everything else. */
const MAX_MODELS = 1_000;
/** Enough to correct in one sitting; the rest is counted. */
const SHOWN_PROBLEMS = 50;

/**
 * Reads `<directory>/<kind>/<model>/{profile,rules}.yaml` of every model. Throws CanhError `BAD_CATALOGUE` that names every problem in the
 * whole directory with its file, line and field: half a catalogue would be rules that are silently not there.
 */
export async function loadCatalogue(directory: string): Promise<Catalogue> {
  const problems: string[] = [];
  const models = await modelsIn(directory, problems);
  const profiles = new Map<string, Profile>();
  const rules: FoundRule[] = [];
  for (const model of models) {
    const profile = await readDocument(directory, `${model.folder}/profile.yaml`, ProfileDocument, problems);
    const listed = await readDocument(directory, `${model.folder}/rules.yaml`, RulesDocument, problems);
    if (profile !== null) {
      problems.push(...misplaced(profile.value, model).map((problem) => profile.line(problem)));
      profiles.set(model.id, profileOf(profile.value));
    }
    for (const [at, document] of listed?.value.rules.entries() ?? [])
      rules.push({
        rule: thresholdRuleOf(document, [model.id]),
        folder: model.folder,
        line: ({ path, says }) => listed?.line({ path: ['rules', at, ...path], says }) ?? says,
      });
  }
  problems.push(...crossCheck(rules, models, profiles));
  if (problems.length > 0) throw badCatalogue(directory, problems);
  return { profiles, rules: rules.map(({ rule }) => rule) };
}

interface Model {
  readonly id: string;
  readonly kind: string;
  /** Within the directory: `water/river-gauge`. */
  readonly folder: string;
}

/** Says a problem as one line of text, with the file and the line it is in. */
type LineOf = (problem: Problem) => string;

interface FoundRule {
  readonly rule: ThresholdRule;
  readonly folder: string;
  readonly line: LineOf;
}

async function modelsIn(directory: string, problems: string[]): Promise<Model[]> {
  const models: Model[] = [];
  for (const kind of await foldersIn(directory)) {
    if (!(DEVICE_KINDS as readonly string[]).includes(kind)) {
      problems.push(`${kind} is no kind of device; move its models to ${DEVICE_KINDS.join(', ')}`);
      continue;
    }
    for (const id of await foldersIn(join(directory, kind))) {
      const folder = `${kind}/${id}`;
      const twin = models.find((model) => model.id === id);
      if (twin === undefined) models.push({ id, kind, folder });
      else problems.push(`${folder} has the same name as ${twin.folder}; rename one of them, in its profile too`);
    }
  }
  if (models.length === 0)
    problems.push(`no device is described; put one there as <kind>/<model>/profile.yaml and rules.yaml`);
  if (models.length > MAX_MODELS)
    throw badCatalogue(directory, [`${models.length} models of devices, at most ${MAX_MODELS} are read`]);
  return models;
}

/** In the order of their names, so that the same folders give the same catalogue everywhere. */
async function foldersIn(directory: string): Promise<string[]> {
  try {
    const names = (await readdir(directory)).filter((name) => !name.startsWith('.')).toSorted();
    const areFolders = await Promise.all(names.map(async (name) => (await stat(join(directory, name))).isDirectory()));
    return names.filter((_name, at) => areFolders[at]);
  } catch (cause) {
    const { message } = cause as Error;
    throw new CanhError('BAD_CATALOGUE', `The folder of device descriptions cannot be read (${message}).`, { cause });
  }
}

async function readDocument<T extends object>(
  directory: string,
  file: string,
  document: ClassConstructor<T>,
  problems: string[],
): Promise<{ value: T; line: LineOf } | null> {
  const read = await readYamlFile(join(directory, file));
  if (!read.ok) {
    problems.push(...read.problems.map(({ line, says }) => lineOfText(file, line, [], says)));
    return null;
  }
  const line: LineOf = ({ path, says }) => lineOfText(file, read.lineOf(path), path, says);
  const checked = checkDocument(document, read.plain);
  if (checked.ok) return { value: checked.value, line };
  problems.push(...checked.problems.map(line));
  return null;
}

/** The folder is where a person looks for a profile by its id. */
function misplaced({ id, kind }: ProfileDocument, model: Model): Problem[] {
  const problems: Problem[] = [];
  if (id !== model.id)
    problems.push({ path: ['id'], says: `is ${id}, but its folder is ${model.folder}; correct one` });
  if (kind !== model.kind)
    problems.push({ path: ['kind'], says: `is ${kind}, but its folder is ${model.folder}; correct one` });
  return problems;
}

function crossCheck(rules: readonly FoundRule[], models: readonly Model[], profiles: Catalogue['profiles']): string[] {
  const problems: string[] = [];
  const known = new Set(models.map(({ id }) => id));
  const folderOf = new Map<string, string>();
  for (const { rule, folder, line } of rules) {
    const taken = folderOf.get(rule.id);
    if (taken === undefined) folderOf.set(rule.id, folder);
    else
      problems.push(line({ path: ['id'], says: `is ${rule.id}, as is that of another rule in ${taken}; rename one` }));
    for (const [at, id] of rule.profileIds.entries())
      if (!known.has(id))
        problems.push(line({ path: ['profiles', at], says: `is ${id}, and there are only ${[...known].join(', ')}` }));
    problems.push(...disagreements(rule, profiles).map(line));
  }
  return problems;
}

function lineOfText(file: string, line: number | null, path: Problem['path'], says: string): string {
  return [line === null ? file : `${file}:${line}`, pathText(path), says].filter((part) => part !== '').join(' ');
}

function badCatalogue(directory: string, problems: readonly string[]): CanhError {
  const shown = problems.slice(0, SHOWN_PROBLEMS);
  if (problems.length > shown.length) shown.push(`… and ${problems.length - shown.length} more`);
  const count = problems.length === 1 ? 'One problem' : `${problems.length} problems`;
  return new CanhError(
    'BAD_CATALOGUE',
    [`${count} in the device descriptions of ${directory}:`, ...shown].join('\n  '),
  );
}
