import type { z } from 'zod';
import type { Issue } from '../errors.ts';
import { formatPath, quote } from './json.ts';
import { closest } from './nearest.ts';
import { knownKeysAt, sectionsWith } from './schema-paths.ts';
import { describeInput, wrongBoolean, wrongNumber } from './wording.ts';

type RawIssue = z.core.$ZodRawIssue;
type ZodIssue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

const MAX_KEYS = 100;

/** The words for what a field's own schema has none for. */
export function wordIssue(issue: RawIssue): string | undefined {
  if (issue.code === 'invalid_type') return wrongType(issue.expected, issue.input);
  if (issue.code === 'invalid_value') return wrongChoice(issue.input, issue.values);
  if (issue.code === 'too_small') return bounds(issue.origin, `at least ${Number(issue.minimum)}`, issue.input);
  if (issue.code === 'too_big') return bounds(issue.origin, `at most ${Number(issue.maximum)}`, issue.input);
  return undefined;
}

function wrongType(expected: string, input: unknown): string {
  switch (expected) {
    case 'boolean':
      return wrongBoolean(input);
    case 'int':
    case 'number':
      return wrongNumber(input);
    case 'array':
      return typeof input === 'string' ? 'is text: write a list' : `${describeInput(input)}: write a list`;
    default:
      // What stands in place of a mapping is not shown: it may be a credential.
      return typeof input === 'string'
        ? 'is text: write a mapping (key: value)'
        : `${describeInput(input)}: write a mapping (key: value)`;
  }
}

function wrongChoice(input: unknown, values: readonly unknown[]): string {
  const choices = values.map(String);
  if (choices.length === 1) return `${describeInput(input)}: write ${choices[0] ?? ''}`;
  const near = typeof input === 'string' ? closest(input, choices) : undefined;
  return `${describeInput(input)}: write one of ${choices.join(', ')}${near === undefined ? '' : ` (did you mean ${near}?)`}`;
}

function bounds(origin: string, limit: string, input: unknown): string {
  return origin === 'array' ? `must have ${limit} entries` : `${describeInput(input)}: write ${limit}`;
}

/** One zod issue as what it means to the reader, at its full path. */
export function toIssues(issue: ZodIssue, prefix: Path = []): readonly Issue[] {
  const path = [...prefix, ...issue.path];
  if (issue.code === 'unrecognized_keys') return issue.keys.slice(0, MAX_KEYS).map((key) => unknownKey(key, path));
  if (issue.code === 'invalid_union') return meantBranch(issue.errors).flatMap((inner) => toIssues(inner, path));
  if (issue.code === 'invalid_key') return issue.issues.flatMap((inner) => toIssues(inner, path));
  return [{ path: formatPath(path), message: issue.message }];
}

function unknownKey(key: string, path: Path): Issue {
  const known = knownKeysAt(path);
  const elsewhere = sectionsWith(key, path);
  const near = closest(key, known);
  const hint =
    elsewhere.length > 0 && (near === undefined || key.length > 3)
      ? `it belongs under ${elsewhere.join(' or ')}`
      : near === undefined
        ? `known here: ${known.join(', ')}`
        : `did you mean ${quote(near)}?`;
  return { path: formatPath([...path, key]), message: `is not a key of the values; ${hint}` };
}

/** Of a union, the branch that was meant: the one that complains of something inside the value, or of the value's form, not of its type. */
function meantBranch(errors: readonly (readonly ZodIssue[])[]): readonly ZodIssue[] {
  return (
    errors.find((branch) => !branch.some((issue) => issue.path.length === 0 && issue.code === 'invalid_type')) ??
    errors.at(-1) ??
    []
  );
}
