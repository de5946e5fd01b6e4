import { InvalidRequestError } from '../errors.ts';
import { formatGsUri, gsUriProblem } from '../storage/uri.ts';
import type { GsUri } from '../storage/uri.ts';
import { environmentProblem, listLineProblem } from '../values/aggregator-text.ts';
import type { ObjectPattern, Segment } from '../values/object-pattern.ts';

/** The role of an object in the rounds. */
export type Classified =
  | { readonly kind: 'update'; readonly pattern: ObjectPattern; readonly taskId: string; readonly jobId: string }
  /** The object matches, but its name cannot be used in a checkpoint list or as a task id. `reason` follows "the object is". */
  | { readonly kind: 'unusable'; readonly pattern: ObjectPattern; readonly reason: string }
  | { readonly kind: 'none' };

// An object name has at most 1,024 bytes. Those of the state contain the prefix of STATE_URI, the taskId and about 40
// more characters.
const MAX_TASK_ID_BYTES = 512;
const SHELL_TEXT = 'a task id with white space, a quote or another character that a shell interprets';

/** Why `taskId` is not a valid task id, in words that follow "is"; `null` for a valid one. */
export function taskIdProblem(taskId: string): string | null {
  if (taskId === '' || taskId.includes('/')) return 'not one path segment';
  if (Buffer.byteLength(taskId) > MAX_TASK_ID_BYTES) return `longer than ${MAX_TASK_ID_BYTES} bytes`;
  // The output path and the list's path contain it, and both are environment values of the aggregator.
  return gsUriProblem(`gs://task/${taskId}`) ?? (environmentProblem(taskId) === null ? null : SHELL_TEXT);
}

/** Classifies `object` by the first pattern that it matches. The patterns do not overlap. */
export function classifyObject(patterns: readonly ObjectPattern[], object: GsUri): Classified {
  for (const pattern of patterns) {
    const found = classifyBy(pattern, object);
    if (found.kind !== 'none') return found;
  }
  return { kind: 'none' };
}

function classifyBy(pattern: ObjectPattern, object: GsUri): Classified {
  const values = matchPattern(pattern, object);
  const [taskId, jobId] = [values?.get('taskId'), values?.get('jobId')];
  if (taskId === undefined || jobId === undefined) return { kind: 'none' };
  const reason = objectProblem(object) ?? taskIdProblem(taskId);
  return reason === null ? { kind: 'update', pattern, taskId, jobId } : { kind: 'unusable', pattern, reason };
}

/** Why the object's path cannot be used in a checkpoint list, in words that follow "is"; `null` when it can. */
export function objectProblem(object: GsUri): string | null {
  const path = formatGsUri(object);
  const problem = gsUriProblem(path);
  if (problem !== null) return problem;
  const lineProblem = listLineProblem(path);
  return lineProblem === null ? null : `a path that ${lineProblem}`;
}

/** The prefix of every update of the task. */
export function taskPrefix(pattern: ObjectPattern, taskId: string): string {
  return prefixOf(pattern, { taskId });
}

/** The prefix of every task. A listing with the delimiter `/` returns one prefix per task. */
export function tasksPrefix(pattern: ObjectPattern): string {
  return prefixOf(pattern, {});
}

/** The values of the placeholders in the object's name; `null` when the object does not match. */
export function matchPattern(pattern: ObjectPattern, object: GsUri): ReadonlyMap<string, string> | null {
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
}

function matchSegment({ before, placeholder, after }: Segment, text: string): string | null {
  if (placeholder === null) return text === before ? '' : null;
  if (!text.startsWith(before) || !text.endsWith(after)) return null;
  const value = text.slice(before.length, text.length - after.length);
  return text.length > before.length + after.length ? value : null;
}

/** The pattern up to the first placeholder without a value: a prefix for a listing. */
function prefixOf(pattern: ObjectPattern, values: Readonly<Record<string, string>>): string {
  let prefix = '';
  for (const [index, { before, placeholder, after }] of pattern.segments.entries()) {
    prefix += `${index === 0 ? '' : '/'}${before}`;
    if (placeholder === null) continue;
    const value = values[placeholder];
    if (value === undefined) return prefix;
    prefix += `${value}${after}`;
  }
  return prefix;
}

/**
 * `template` with its placeholders replaced, in one pass: a value that looks like a placeholder is not replaced again.
 * Throws InvalidRequestError when the result is not a valid `gs://` path.
 */
export function fillPath(template: string, values: Readonly<Record<string, string>>, field: string): string {
  const path = template.replaceAll(/\{([^{}]+)\}/g, (whole, name: string) => values[name] ?? whole);
  const problem = gsUriProblem(path);
  if (problem === null) return path;
  const message = `"${path.slice(0, 200)}" is ${problem}`;
  throw new InvalidRequestError(`${field}: ${message}`, [{ path: field, message }]);
}
