import 'reflect-metadata';
import { plainToInstance, Type, type ClassConstructor } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  getMetadataStorage,
  IsArray,
  IsNumber,
  IsObject,
  registerDecorator,
  ValidateBy,
  ValidateNested,
  validateSync,
  type ValidationError,
} from 'class-validator';
import type { LocalText } from '@canh/core/stations/local-text';
import { durationMs, isDuration } from '@canh/core/time/duration';

/** What is wrong with a document, and where in it. */
export interface Problem {
  readonly path: readonly (string | number)[];
  /** Completes a sentence that begins with the path: `must be …`, `is missing`. */
  readonly says: string;
}

export type Checked<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problems: readonly Problem[] };

/** Holds plain data, as YAML or JSON gave it, against a class of this folder. Every field that is wrong or unknown is a problem. */
export function checkDocument<T extends object>(document: ClassConstructor<T>, plain: unknown): Checked<T> {
  if (typeof plain !== 'object' || plain === null || Array.isArray(plain))
    return {
      ok: false,
      problems: [{ path: [], says: 'must be fields and their values, in { } or indented below it' }],
    };
  const value = plainToInstance(document, plain);
  const errors = validateSync(value, { whitelist: true, forbidNonWhitelisted: true });
  return errors.length === 0
    ? { ok: true, value }
    : { ok: false, problems: errors.flatMap((error) => problemsIn(error)) };
}

/** `levels[1].limit`, or nothing for the document itself. */
export function pathText(path: readonly (string | number)[]): string {
  return path.map((step, at) => (typeof step === 'number' ? `[${step}]` : at === 0 ? step : `.${step}`)).join('');
}

function problemsIn(error: ValidationError, parents: readonly (string | number)[] = []): Problem[] {
  const path = [...parents, /^\d+$/.test(error.property) ? Number(error.property) : error.property];
  const below = (error.children ?? []).flatMap((child) => problemsIn(child, path));
  if (error.constraints === undefined) return below;
  if ('whitelistValidation' in error.constraints)
    return [
      { path, says: `is no field here; remove it or correct its name. The fields are ${fieldsOf(error.target)}` },
    ];
  if (error.value === undefined) return [{ path, says: 'is missing' }];
  const texts = new Set(Object.values(error.constraints).map((text) => withoutField(text, error.property)));
  return [{ path, says: [...texts].join('; ') }, ...below];
}

const withoutField = (text: string, field: string): string =>
  text.startsWith(`${field} `) ? text.slice(field.length + 1) : text;

function fieldsOf(target: object | undefined): string {
  if (target === undefined) return 'others';
  const rules = getMetadataStorage().getTargetValidationMetadatas(target.constructor, '', false, false);
  return [...new Set(rules.map(({ propertyName }) => propertyName))].join(', ');
}

/** Applies several decorators as one. */
const all =
  (...decorators: PropertyDecorator[]): PropertyDecorator =>
  (prototype, field) => {
    for (const decorate of decorators) decorate(prototype, field);
  };

/** A document within the document. */
export function IsWithin(type: () => ClassConstructor<object>): PropertyDecorator {
  const message = '$property must be fields and their values, in { } or indented below it';
  return all(Type(type), IsObject({ message }), ValidateNested({ message }));
}

/** A list of such documents. */
export function AreWithin(
  type: () => ClassConstructor<object>,
  { min, max }: { min: number; max: number },
): PropertyDecorator {
  const message = '$property must be a list, and each of its entries fields and their values';
  return all(
    Type(type),
    IsArray({ message }),
    ArrayMinSize(min, { message: `$property must have at least ${min}` }),
    ArrayMaxSize(max, { message: `$property must have at most ${max}` }),
    IsObject({ each: true, message }),
    ValidateNested({ each: true, message }),
  );
}

function isTextThat(name: string, holds: (text: string) => boolean, says: string, each = false): PropertyDecorator {
  return ValidateBy(
    {
      name,
      validator: {
        validate: (value: unknown) => typeof value === 'string' && holds(value),
        defaultMessage: () => says,
      },
    },
    { each },
  );
}

/** Between one and `max` characters, not only blanks. */
export const IsText = (max: number): PropertyDecorator =>
  isTextThat(
    'isText',
    (text) => text.trim() !== '' && text.length <= max,
    `$property must be a text of 1 to ${max} characters`,
  );

const isId = (text: string): boolean => text.length <= 64 && /^[a-z0-9]+(-[a-z0-9]+)*$/.test(text);
const ID_SAYS = 'in kebab-case (a-z, 0-9, single hyphens between), at most 64 characters';

/** What a profile or a rule is called by programs: `river-gauge`. */
export const IsId = (): PropertyDecorator => isTextThat('isId', isId, `$property must be ${ID_SAYS}`);
export const AreIds = (): PropertyDecorator => isTextThat('areIds', isId, `each of $property must be ${ID_SAYS}`, true);

/** `ts`, `seq` and `values` mean something else in a payload. */
const isMetricName = (text: string): boolean => /^[a-z][a-z0-9_]{0,62}$/.test(text) && !/^(ts|seq|values)$/.test(text);

/** What a metric or a station's limit is called in payloads and rules: `level_m`, `alarm_1`. */
export const IsMetricName = (): PropertyDecorator =>
  isTextThat(
    'isMetricName',
    isMetricName,
    '$property must be a-z, then a-z, 0-9 or _, at most 63 characters, the unit last (level_m), and none of ts, seq, values',
  );

/** A duration as people write it, both ends allowed: `IsDuration('1s', '7d')`. */
export const IsDuration = (from: string, to: string): PropertyDecorator =>
  isTextThat(
    'isDuration',
    (text) => isDuration(text) && durationMs(text) >= durationMs(from) && durationMs(text) <= durationMs(to),
    `$property must be a duration from ${from} to ${to}: a number and ms, s, m, h or d, as in 10m`,
  );

/** A whole number, both ends allowed. */
export const IsWhole = (min: number, max: number): PropertyDecorator =>
  ValidateBy({
    name: 'isWhole',
    validator: {
      validate: (value: unknown) => Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max,
      defaultMessage: () => `$property must be a whole number from ${min} to ${max}`,
    },
  });

/** A number that can be compared: no text, no infinity, no NaN. */
export const IsFiniteNumber = (): PropertyDecorator => IsNumber({}, { message: '$property must be a number' });

/** The fields of a document before any of them is known to be right. */
type Unproven<T> = { readonly [Field in keyof T]?: unknown };

/** Holds a field against its neighbours. `disagreement` says what is wrong, or null; whether each by itself is right is said elsewhere. */
export function Agrees<Owner extends object>(
  disagreement: (owner: Unproven<Owner>) => string | null,
): PropertyDecorator {
  const of = (owner: object | undefined): string | null => disagreement((owner ?? {}) as Unproven<Owner>);
  return (prototype, field) => {
    registerDecorator({
      name: 'agrees',
      target: prototype.constructor,
      propertyName: String(field),
      validator: {
        validate: (_value, context) => of(context?.object) === null,
        defaultMessage: (context) => `$property ${of(context?.object) ?? ''}`,
      },
    });
  };
}

/** Both languages of something an operator reads. */
export class LocalTextDocument {
  @IsText(1_000)
  vi!: string;

  @IsText(1_000)
  en!: string;
}

/** As the core has it: a plain object, which can cross to a worker thread. */
export const localTextOf = ({ vi, en }: LocalTextDocument): LocalText => ({ vi, en });
