import { InvalidRequestError } from '../errors.ts';
import { parseGsUri } from '../storage/uri.ts';

/** One path segment: `before{placeholder}after`, or a literal in `before` only. */
export interface Segment {
  readonly before: string;
  readonly placeholder: string | null;
  readonly after: string;
}

/** A parsed `gs://BUCKET/a/{x}/b-{y}.zip`. Each placeholder matches one or more characters of one segment. */
export interface ObjectPattern {
  readonly text: string;
  readonly bucket: string;
  readonly segments: readonly Segment[];
}

const SEGMENT = /^([^{}]*)(?:\{([^{}]+)\}([^{}]*))?$/;

/** The names of the placeholders, in order. */
export function placeholdersOf(pattern: Pick<ObjectPattern, 'text'>): readonly string[] {
  return [...pattern.text.matchAll(/\{([^{}]*)\}/g)].map(([, name = '']) => name);
}

/** Parses a pattern of objects. Throws InvalidRequestError naming `field`. */
export function parseObjectPattern(text: string, field: string): ObjectPattern {
  const { bucket, name } = parseGsUri(text, field);
  if (name.endsWith('/')) fail(field, `"${text}" ends in "/": a pattern must match objects, not a directory`);
  const segments = name.split('/').map((segment) => parseSegment(segment, field));
  const pattern = { text, bucket, segments };
  const names = placeholdersOf(pattern);
  const twice = names.find((each, index) => names.indexOf(each) !== index);
  if (twice !== undefined) fail(field, `{${twice}} may occur once only`);
  return pattern;
}

function fail(field: string, message: string): never {
  throw new InvalidRequestError(`${field}: ${message}`, [{ path: field, message }]);
}

function parseSegment(text: string, field: string): Segment {
  const found = SEGMENT.exec(text);
  if (found === null) return fail(field, `"${text}" may contain one {placeholder} at most, and no other braces`);
  return { before: found[1] ?? '', placeholder: found[2] ?? null, after: found[3] ?? '' };
}

/**
 * Parses the pattern of a directory, with or without a "/" at the end. The text from the first to the last brace of a segment
 * (`round-{round}-{attempt}`) counts as one placeholder. Throws InvalidRequestError naming `field`.
 */
export function parseDirectoryPattern(text: string, field: string): ObjectPattern {
  const placeholders = text.replace(/\/+$/, '').replaceAll(/\{[^/]*\}/g, (_braces, at: number) => `{${at}}`);
  return { ...parseObjectPattern(placeholders, field), text };
}

/** Parses `rounds[].uploads`: `{taskId}` is a whole segment, `{jobId}` is in the last one. Throws InvalidRequestError naming `field`. */
export function parseUploadPattern(text: string, field = 'uploads'): ObjectPattern {
  const pattern = parseObjectPattern(text, field);
  const unknown = placeholdersOf(pattern).find((name) => name !== 'taskId' && name !== 'jobId');
  if (unknown !== undefined) fail(field, `{${unknown}} is not known here; use {taskId} and {jobId}`);
  const task = pattern.segments.find(({ placeholder }) => placeholder === 'taskId');
  if (task === undefined || task.before !== '' || task.after !== '') {
    fail(field, '{taskId} must be a path segment of its own, as in gs://BUCKET/tasksJobs/{taskId}/{jobId}.zip');
  }
  if (pattern.segments.at(-1)?.placeholder !== 'jobId') fail(field, '{jobId} must be in the last path segment');
  return pattern;
}

/** Whether one object name can match both patterns. */
export function patternsOverlap(a: ObjectPattern, b: ObjectPattern): boolean {
  return a.segments.length === b.segments.length && overlapUpTo(a, b, a.segments.length);
}

function overlapUpTo(a: ObjectPattern, b: ObjectPattern, length: number): boolean {
  return (
    a.bucket === b.bucket &&
    a.segments.slice(0, length).every((segment, index) => {
      const other = b.segments[index];
      return other !== undefined && segmentsOverlap(segment, other);
    })
  );
}

function segmentsOverlap(a: Segment, b: Segment): boolean {
  if (a.placeholder === null) return b.placeholder === null ? a.before === b.before : matches(b, a.before);
  if (b.placeholder === null) return matches(a, b.before);
  // Both match the text of the longer start, one character and the longer end.
  const heads = a.before.startsWith(b.before) || b.before.startsWith(a.before);
  return heads && (a.after.endsWith(b.after) || b.after.endsWith(a.after));
}

/** Whether `segment` matches `literal`. A placeholder matches at least one character. */
function matches({ before, after }: Segment, literal: string): boolean {
  return literal.length > before.length + after.length && literal.startsWith(before) && literal.endsWith(after);
}

/** Whether an object in `directory` can match `pattern`: a loop, if results are written to the directory. */
export function directoryFeeds(directory: ObjectPattern, pattern: ObjectPattern): boolean {
  return (
    pattern.segments.length > directory.segments.length && overlapUpTo(directory, pattern, directory.segments.length)
  );
}
