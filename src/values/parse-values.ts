import * as z from 'zod';
import { invalidInput } from '../errors.ts';
import type { Issue } from '../errors.ts';
import { AggregatorSchema } from './aggregator-schema.ts';
import { contradictions } from './contradictions.ts';
import { describeInput, wrongBoolean, wrongNumber } from './fields.ts';
import { formatPath, isJsonObject, quote } from './json.ts';
import type { JsonObject, JsonValue } from './json.ts';
import { closest } from './nearest.ts';
import { podFields } from './pod-fields.ts';
import { completeRound, PartialListSchema, PartialRoundSchema } from './rounds-schema.ts';
import type { ListValues, RoundValues } from './rounds-schema.ts';
import { knownKeysAt, sectionsWith, ValuesSchema } from './schema.ts';
import type { ScheduleValues, ValuesInput } from './schema.ts';
import type { CheckSecretValues } from './secret-fields.ts';
import { serviceContradictions } from './service-contradictions.ts';

/** A valid values document: rounds with their defaults, quantities as text, `checkSecrets` in one form, lists never absent. */
export interface Values extends Pick<
  ValuesInput,
  'namespace' | 'nameOverride' | 'fullnameOverride' | 'repository' | 'flea' | 'aggregator'
> {
  readonly checkSecrets: readonly CheckSecretValues[];
  readonly rounds: readonly RoundValues[];
  readonly lists: readonly ListValues[];
  readonly schedules: readonly ScheduleValues[];
}

/** Real documents have a few hundred entries. The limit bounds the time of every later check. */
const MAX_NODES = 20_000;
const MAX_ISSUES = 100;
const ReadableSchema = z
  .object({
    ...ValuesSchema.pick({ repository: true, flea: true, schedules: true }).shape,
    aggregator: AggregatorSchema,
    rounds: z.array(PartialRoundSchema),
    lists: z.array(PartialListSchema),
  })
  .partial();
/** How deep a section is kept if a field in it is invalid. Other sections are ignored as a whole. */
const READABLE_DEPTH: Readonly<Record<string, number>> = { aggregator: 1, rounds: 2, lists: 2 };

type ZodIssue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

/**
 * Validates a whole values document, after `mergeValues` where several documents apply.
 *
 * Throws InvalidRequestError with all issues, at most 100: the path, the input (never for a field of a Secret) and what is expected; for
 * an unknown key the nearest known one, or the section that it belongs to.
 */
export function parseValues(document: JsonObject): Values {
  if (countNodes(document) > MAX_NODES) {
    throw invalidInput([{ path: '', message: `more than ${MAX_NODES} entries` }]);
  }
  const present = withoutNulls(document);
  const parsed = ValuesSchema.safeParse(present, { error: messageFor });
  const faults = parsed.error?.issues ?? [];
  const readable = parsed.data ?? readableValues(present, faults);
  const issues = [
    ...faults.slice(0, MAX_ISSUES).flatMap((issue) => toIssues(issue)),
    ...contradictions(readable),
    ...serviceContradictions(readable),
  ].slice(0, MAX_ISSUES);
  if (issues.length > 0 || parsed.data === undefined) throw invalidInput(issues);
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

/** `key:` without a value is `null` in YAML. helm treats such a key as absent. In lists, `null` stays. */
function withoutNulls(object: JsonObject): JsonObject {
  return JSON.parse(JSON.stringify(object), function keep(this: unknown, _key, value: JsonValue) {
    return value === null && !Array.isArray(this) ? undefined : value;
  });
}

/** The messages for issues that the field's own schema has no message for. */
function messageFor(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code === 'invalid_type') return wrongType(issue.expected, issue.input);
  if (issue.code === 'invalid_value') return wrongChoice(issue.input, issue.values);
  if (issue.code === 'too_small') return outOfBounds(issue.origin, `at least ${Number(issue.minimum)}`, issue.input);
  if (issue.code === 'too_big') return outOfBounds(issue.origin, `at most ${Number(issue.maximum)}`, issue.input);
  return undefined;
}

function wrongType(expected: string, input: unknown): string {
  if (expected === 'boolean') return wrongBoolean(input);
  if (expected === 'int' || expected === 'number') return wrongNumber(input);
  const advice = expected === 'array' ? 'write a list' : 'write a mapping (key: value)';
  // Text in place of a list or a mapping is not quoted: it may be a credential.
  return `${typeof input === 'string' ? 'is text' : describeInput(input)}: ${advice}`;
}

function wrongChoice(input: unknown, values: readonly unknown[]): string {
  const choices = values.map(String);
  if (choices.length === 1) return `${describeInput(input)}: write ${choices[0] ?? ''}`;
  const near = typeof input === 'string' ? closest(input, choices) : undefined;
  return `${describeInput(input)}: write one of ${choices.join(', ')}${near === undefined ? '' : ` (did you mean ${near}?)`}`;
}

function outOfBounds(origin: string, limit: string, input: unknown): string {
  return origin === 'array' ? `must have ${limit} entries` : `${describeInput(input)}: write ${limit}`;
}

function toIssues(issue: ZodIssue, prefix: Path = []): readonly Issue[] {
  const path = [...prefix, ...issue.path];
  if (issue.code === 'unrecognized_keys') return issue.keys.slice(0, MAX_ISSUES).map((key) => unknownKey(key, path));
  if (issue.code === 'invalid_union') return intendedBranch(issue.errors).flatMap((inner) => toIssues(inner, path));
  if (issue.code === 'invalid_key') return issue.issues.flatMap((inner) => toIssues(inner, path));
  return [{ path: formatPath(path), message: issue.message }];
}

function unknownKey(key: string, path: Path): Issue {
  const known = knownKeysAt(path);
  const elsewhere = sectionsWith(key, path);
  const near = closest(key, known);
  const hint =
    podFieldHint(key, path) ??
    (elsewhere.length > 0 && (near === undefined || key.length > 3)
      ? `it belongs under ${elsewhere.join(' or ')}`
      : near === undefined
        ? `known here: ${known.join(', ')}`
        : `did you mean ${quote(near)}?`);
  return { path: formatPath([...path, key]), message: `is not a key of the values; ${hint}` };
}

/** Where the fields of a pod belong that `aggregator` has and a service's `deployment` takes in the form of Kubernetes. */
const POD_FIELDS = new Set(Object.keys(podFields));
const CONTAINER_FIELDS: ReadonlySet<string> = new Set([
  'env',
  'resources',
  'securityContext',
  'livenessProbe',
  'readinessProbe',
  'lifecycle',
]);

function podFieldHint(key: string, [component, section, ...rest]: Path): string | undefined {
  if (section !== 'deployment' || rest.length > 0) return undefined;
  const at = `${String(component)}.deployment`;
  if (CONTAINER_FIELDS.has(key)) return `write ${at}.pod.containers: [{name: ${String(component)}, ${key}: ...}]`;
  if (key === 'podSecurityContext') return `write ${at}.pod.securityContext`;
  if (key === 'progressDeadlineSeconds' || key === 'strategy') return `write ${at}.spec.${key}`;
  return POD_FIELDS.has(key) ? `write ${at}.pod.${key}` : undefined;
}

/** The branch of a union that matches the input's type, so that its issues are about the content. */
function intendedBranch(errors: readonly (readonly ZodIssue[])[]): readonly ZodIssue[] {
  return (
    errors.find((branch) => !branch.some((issue) => issue.path.length === 0 && issue.code === 'invalid_type')) ??
    errors.at(-1) ??
    []
  );
}

/** The document without its invalid fields, so that the rules between the other fields are checked too. */
function readableValues(document: JsonObject, issues: readonly ZodIssue[]): z.infer<typeof ReadableSchema> {
  const readable = structuredClone(document);
  for (const issue of issues) {
    const depth = READABLE_DEPTH[String(issue.path[0])] ?? 0;
    const hasUnknownKeys = issue.code === 'unrecognized_keys' && issue.path.length === depth;
    const faulty = hasUnknownKeys ? issue.keys.map((key) => [...issue.path, key]) : [issue.path.slice(0, depth + 1)];
    for (const path of faulty) removeAt(readable, path);
  }
  return ReadableSchema.safeParse(readable).data ?? {};
}

/** Removes the member of a mapping; replaces the item of a list by an empty mapping, so that the others keep their index. */
function removeAt(root: JsonObject, path: Path): void {
  const parent = path.slice(0, -1).reduce<unknown>((node, step) => Object(node)[step], root);
  const last = path.at(-1);
  if (Array.isArray(parent) && typeof last === 'number') parent[last] = {};
  else if (last !== undefined) Reflect.deleteProperty(Object(parent), last);
}
