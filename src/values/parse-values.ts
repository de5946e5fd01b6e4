import type { z } from 'zod';
import { InvalidRequestError } from '../errors.ts';
import type { Issue } from '../errors.ts';
import { AggregatorSchema } from './aggregator-schema.ts';
import { contradictions } from './contradictions.ts';
import type { SoundValues } from './contradictions.ts';
import { toIssues, wordIssue } from './issues.ts';
import { isJsonObject } from './json.ts';
import type { JsonObject, JsonValue } from './json.ts';
import { completeRound, ListSchema, PartialListSchema, PartialRoundSchema, RoundSchema } from './rounds-schema.ts';
import type { ListValues, RoundValues } from './rounds-schema.ts';
import { ValuesSchema } from './schema.ts';
import type { ScheduleValues, ValuesInput } from './schema.ts';
import type { CheckSecretValues } from './secret-fields.ts';

/** A values document that holds together: rounds with their defaults, quantities as text, `checkSecrets` in one form, lists never absent. */
export interface Values extends Pick<ValuesInput, 'namespace' | 'repository' | 'flea' | 'aggregator'> {
  readonly checkSecrets: readonly CheckSecretValues[];
  readonly rounds: readonly RoundValues[];
  readonly lists: readonly ListValues[];
  readonly schedules: readonly ScheduleValues[];
}

/** Real documents have a few hundred; every check after this may take its time. */
const MAX_NODES = 20_000;
const MAX_ISSUES = 100;
const MAX_TOLD = 10;

const { repository, flea, schedules } = ValuesSchema.shape;

/** The same check, by the name it has where documents were merged: only the whole is valid or not. */
export const validateValues = parseValues;

/** One error for all `issues`; the first ten are in its message too. */
export function valuesError(issues: readonly Issue[], subject = 'The values are'): InvalidRequestError {
  const told = issues.slice(0, MAX_TOLD).map(tell);
  const rest = issues.length - told.length;
  return new InvalidRequestError(
    `${subject} not valid: ${told.join('; ')}${rest > 0 ? `; and ${rest} more` : ''}`,
    issues,
  );
}

function tell({ path, message }: Issue): string {
  return path === '' ? message : `${path} ${message}`;
}

/**
 * Checks a values document, alone or merged (`mergeValues`), as a whole. Throws InvalidRequestError with every issue: where, what is there
 * (never in a field of a Secret), and what would be right; for an unknown key the nearest known one, or where it belongs.
 */
export function parseValues(document: JsonObject): Values {
  if (countNodes(document) > MAX_NODES) {
    throw new InvalidRequestError(`The values are not valid: more than ${MAX_NODES} entries`, [
      { path: '', message: `more than ${MAX_NODES} entries` },
    ]);
  }
  const present = withoutNulls(document);
  const parsed = ValuesSchema.safeParse(present, { error: wordIssue });
  const faults = parsed.error?.issues.slice(0, MAX_ISSUES).flatMap((issue) => toIssues(issue)) ?? [];
  const issues = [...faults, ...contradictions(parsed.data ?? soundValues(present))].slice(0, MAX_ISSUES);
  if (issues.length > 0 || parsed.data === undefined) throw valuesError(issues);
  const { global: _ignored, ...values } = parsed.data;
  return {
    ...values,
    checkSecrets: values.checkSecrets ?? [],
    rounds: (values.rounds ?? []).map(completeRound),
    lists: values.lists ?? [],
    schedules: values.schedules ?? [],
  };
}

function countNodes(value: JsonValue): number {
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + countNodes(item), 1);
  return isJsonObject(value) ? Object.values(value).reduce<number>((sum, member) => sum + countNodes(member), 1) : 1;
}

/** `key:` with nothing after it is `null` in YAML, and means to helm that the key is not set. */
function withoutNulls(object: JsonObject): JsonObject {
  const present = Object.entries(object).filter(([, member]) => member !== null);
  return Object.fromEntries(present.map(([key, member]) => [key, dropNulls(member)]));
}

function dropNulls(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(dropNulls);
  return isJsonObject(value) ? withoutNulls(value) : value;
}

/** So that rules between fields are checked too where other fields are at fault: all is told at once. */
function soundValues(document: JsonObject): SoundValues {
  return {
    aggregator: soundPart(AggregatorSchema, AggregatorSchema, document['aggregator']),
    rounds: soundEntries(RoundSchema, PartialRoundSchema, document['rounds']),
    lists: soundEntries(ListSchema, PartialListSchema, document['lists']),
    repository: repository.safeParse(document['repository']).data,
    flea: flea.safeParse(document['flea']).data,
    schedules: schedules.safeParse(document['schedules']).data,
  };
}

/** What of `schema` the mapping `value` holds, without the keys that are at fault. */
function soundPart<T>(schema: z.ZodType, partial: z.ZodType<T>, value: unknown): T | undefined {
  if (!isJsonObject(value)) return undefined;
  const issues = schema.safeParse(value).error?.issues ?? [];
  const faulty = new Set(
    issues.flatMap((issue) =>
      issue.path.length === 0 && issue.code === 'unrecognized_keys' ? issue.keys : issue.path.slice(0, 1),
    ),
  );
  return partial.safeParse(Object.fromEntries(Object.entries(value).filter(([key]) => !faulty.has(key)))).data;
}

function soundEntries<T>(schema: z.ZodType, partial: z.ZodType<T>, value: JsonValue | undefined): (T | undefined)[] {
  return Array.isArray(value) ? value.slice(0, MAX_ISSUES).map((entry) => soundPart(schema, partial, entry)) : [];
}
