import { InvalidRequestError } from '../errors.ts';
import { parseGsUri } from '../storage/uri.ts';

/** One path segment: `before{placeholder}after`, or a literal in `before` alone. */
export interface Segment {
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

/** The names of the placeholders, in order. */
export function placeholdersOf(pattern: Pick<ObjectPattern, 'text'>): readonly string[] {
  return [...pattern.text.matchAll(/\{([^{}]*)\}/g)].map(([, name = '']) => name);
}

/** Parses a pattern of objects. Throws InvalidRequestError naming `field`. */
export function parseObjectPattern(text: string, field: string): ObjectPattern {
  const { bucket, name } = parseGsUri(text, field);
  if (name.endsWith('/')) fail(field, `"${text}" ends in "/": a pattern of objects names objects, not a directory`);
  const segments = name.split('/').map((segment) => parseSegment(segment, field));
  const pattern = { text, bucket, segments };
  const names = placeholdersOf(pattern);
  const twice = names.find((each, index) => names.indexOf(each) !== index);
  if (twice !== undefined) fail(field, `{${twice}} may stand once`);
  return pattern;
}

function fail(field: string, message: string): never {
  throw new InvalidRequestError(`${field}: ${message}`, [{ path: field, message }]);
}

function parseSegment(text: string, field: string): Segment {
  const found = SEGMENT.exec(text);
  if (found === null) return fail(field, `"${text}" may hold one {placeholder} at most, and no other braces`);
  return { before: found[1] ?? '', placeholder: found[2] ?? null, after: found[3] ?? '' };
}

/**
 * Parses the pattern of a directory, with or without a "/" at its end. From the first brace of a segment to the last one anything may stand
 * (`round-{round}-{attempt}`): enough to tell where it may lie. Throws InvalidRequestError naming `field`.
 */
export function parseDirectoryPattern(text: string, field: string): ObjectPattern {
  const placeholders = text.replace(/\/+$/, '').replaceAll(/\{[^/]*\}/g, (_braces, at: number) => `{${at}}`);
  return { ...parseObjectPattern(placeholders, field), text };
}

/** Parses `rounds[].uploads`: `{taskId}` a whole segment, `{jobId}` in the last one. Throws InvalidRequestError naming `field`. */
export function parseUploadPattern(text: string, field = 'uploads'): ObjectPattern {
  const pattern = parseObjectPattern(text, field);
  const unknown = placeholdersOf(pattern).find((name) => name !== 'taskId' && name !== 'jobId');
  if (unknown !== undefined) fail(field, `{${unknown}} is not known here; {taskId} and {jobId} are`);
  const task = pattern.segments.find(({ placeholder }) => placeholder === 'taskId');
  if (task === undefined || task.before !== '' || task.after !== '') {
    fail(field, '{taskId} must be a path segment of its own, as in gs://BUCKET/tasksJobs/{taskId}/{jobId}.zip');
  }
  if (pattern.segments.at(-1)?.placeholder !== 'jobId') fail(field, '{jobId} must stand in the last path segment');
  return pattern;
}

/** Whether some object name matches both. */
export function patternsOverlap(a: ObjectPattern, b: ObjectPattern): boolean {
  return a.segments.length === b.segments.length && meetUpTo(a, b, a.segments.length);
}

function meetUpTo(a: ObjectPattern, b: ObjectPattern, length: number): boolean {
  return (
    a.bucket === b.bucket &&
    a.segments.slice(0, length).every((segment, index) => {
      const other = b.segments[index];
      return other !== undefined && meet(segment, other);
    })
  );
}

function meet(a: Segment, b: Segment): boolean {
  if (a.placeholder === null) return b.placeholder === null ? a.before === b.before : takes(b, a.before);
  if (b.placeholder === null) return takes(a, b.before);
  // The longer head, one character and the longer tail make a text that both take.
  const heads = a.before.startsWith(b.before) || b.before.startsWith(a.before);
  return heads && (a.after.endsWith(b.after) || b.after.endsWith(a.after));
}

/** Whether `literal` can stand where `segment` is; a placeholder stands for one character at least. */
function takes({ before, after }: Segment, literal: string): boolean {
  return literal.length > before.length + after.length && literal.startsWith(before) && literal.endsWith(after);
}

/** Whether some object below `directory` matches `pattern`: a loop, where the directory is written to. */
export function directoryFeeds(directory: ObjectPattern, pattern: ObjectPattern): boolean {
  return pattern.segments.length > directory.segments.length && meetUpTo(directory, pattern, directory.segments.length);
}
