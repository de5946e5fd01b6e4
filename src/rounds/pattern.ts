import { InvalidRequestError } from '../errors.ts';
import type { GsUri } from '../storage/uri.ts';
import { gsUriProblem, parseGsUri } from '../storage/uri.ts';

/** One path segment: `before{placeholder}after`, or a literal in `before` alone. */
interface Segment {
  readonly before: string;
  readonly placeholder: string | null;
  readonly after: string;
}

/** A parsed `gs://BUCKET/a/{x}/b-{y}.zip`: each placeholder stands for one or more characters of one segment. */
export interface ObjectPattern {
  readonly text: string;
  readonly bucket: string;
  readonly segments: readonly Segment[];
}

const SEGMENT = /^([^{}]*)(?:\{([^{}]+)\}([^{}]*))?$/;

const fail = (field: string, message: string): never => {
  throw new InvalidRequestError(`${field}: ${message}`, [{ path: field, message }]);
};

const parseSegment = (text: string, field: string): Segment => {
  const found = SEGMENT.exec(text);
  if (found === null) return fail(field, `"${text}" may hold one {placeholder} at most, and no other braces`);
  return { before: found[1] ?? '', placeholder: found[2] ?? null, after: found[3] ?? '' };
};

/** The names of the placeholders, in order. */
export const placeholdersOf = (pattern: ObjectPattern): readonly string[] =>
  pattern.segments.flatMap(({ placeholder }) => placeholder ?? []);

/** Parses `text`. Throws InvalidRequestError naming `field`. */
export const parseObjectPattern = (text: string, field: string): ObjectPattern => {
  const { bucket, name } = parseGsUri(text, field);
  const pattern = { text, bucket, segments: name.split('/').map((segment) => parseSegment(segment, field)) };
  const names = placeholdersOf(pattern);
  const twice = names.find((each, index) => names.indexOf(each) !== index);
  if (twice !== undefined) fail(field, `{${twice}} may stand once`);
  return pattern;
};

/** Parses `rounds[].uploads`: `{taskId}` a whole segment, `{jobId}` in the last one. Throws InvalidRequestError. */
export const parseUploadPattern = (text: string, field = 'uploads'): ObjectPattern => {
  const pattern = parseObjectPattern(text, field);
  const unknown = placeholdersOf(pattern).find((name) => name !== 'taskId' && name !== 'jobId');
  if (unknown !== undefined) fail(field, `{${unknown}} is not known here; {taskId} and {jobId} are`);
  const task = pattern.segments.find(({ placeholder }) => placeholder === 'taskId');
  if (task === undefined || task.before !== '' || task.after !== '') {
    fail(field, '{taskId} must be a path segment of its own, as in gs://BUCKET/tasksJobs/{taskId}/{jobId}.zip');
  }
  if (pattern.segments.at(-1)?.placeholder !== 'jobId') fail(field, '{jobId} must stand in the last path segment');
  return pattern;
};

const matchSegment = ({ before, placeholder, after }: Segment, text: string): string | null => {
  if (placeholder === null) return text === before ? '' : null;
  if (!text.startsWith(before) || !text.endsWith(after)) return null;
  const value = text.slice(before.length, text.length - after.length);
  return text.length > before.length + after.length ? value : null;
};

/** What the placeholders stand for in this object's name; `null` when the object does not match. */
export const matchPattern = (pattern: ObjectPattern, object: GsUri): ReadonlyMap<string, string> | null => {
  if (object.bucket !== pattern.bucket) return null;
  const parts = object.name.split('/');
  if (parts.length !== pattern.segments.length) return null;
  const values = new Map<string, string>();
  for (const [index, segment] of pattern.segments.entries()) {
    const value = matchSegment(segment, parts[index] ?? '');
    if (value === null) return null;
    if (segment.placeholder !== null) values.set(segment.placeholder, value);
  }
  return values;
};

/** `pattern` with its placeholders filled up to the first one that `values` lacks: a prefix to list by. */
export const prefixOf = (pattern: ObjectPattern, values: Readonly<Record<string, string>>): string => {
  let prefix = '';
  for (const [index, { before, placeholder, after }] of pattern.segments.entries()) {
    prefix += `${index === 0 ? '' : '/'}${before}`;
    if (placeholder === null) continue;
    const value = values[placeholder];
    if (value === undefined) return prefix;
    prefix += `${value}${after}`;
  }
  return prefix;
};

const unifies = (a: Segment, b: Segment): boolean => {
  if (a.placeholder === null && b.placeholder === null) return a.before === b.before;
  if (a.placeholder === null) return matchSegment(b, a.before) !== null;
  if (b.placeholder === null) return matchSegment(a, b.before) !== null;
  const heads = a.before.startsWith(b.before) || b.before.startsWith(a.before);
  return heads && (a.after.endsWith(b.after) || b.after.endsWith(a.after));
};

const pairsUnify = (a: ObjectPattern, b: ObjectPattern, length: number): boolean =>
  a.bucket === b.bucket &&
  a.segments.slice(0, length).every((segment, index) => {
    const other = b.segments[index];
    return other !== undefined && unifies(segment, other);
  });

/** Whether some object name matches both. */
export const patternsOverlap = (a: ObjectPattern, b: ObjectPattern): boolean =>
  a.segments.length === b.segments.length && pairsUnify(a, b, a.segments.length);

/** Whether some object below the directory `directory` (a path with placeholders) matches `pattern`: a loop. */
export const directoryFeeds = (directory: ObjectPattern, pattern: ObjectPattern): boolean =>
  pattern.segments.length > directory.segments.length && pairsUnify(directory, pattern, directory.segments.length);

/**
 * `template` with its placeholders filled, in one pass: a value that looks like a placeholder stays as it is.
 * Throws InvalidRequestError when the result is not a usable path.
 */
export const fillPath = (template: string, values: Readonly<Record<string, string>>, field: string): string => {
  const path = template.replaceAll(/\{([^{}]+)\}/g, (whole, name: string) => values[name] ?? whole);
  const problem = gsUriProblem(path);
  return problem === null ? path : fail(field, `"${path.slice(0, 200)}" is ${problem}`);
};
