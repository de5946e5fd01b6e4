import { InvalidRequestError } from '../errors.ts';
import { formatGsUri, gsUriProblem } from '../storage/uri.ts';
import type { GsUri } from '../storage/uri.ts';
import { environmentProblem, listLineProblem } from '../values/aggregator-text.ts';
import type { ObjectPattern, Segment } from '../values/object-pattern.ts';

/** Which objects are updates, and of which task. */
export interface UploadRule {
  readonly uploads: ObjectPattern;
  /** Before the `{taskId}` of the pattern: together they are the task id. */
  readonly taskIdPrefix: string;
}

/** The role of an object in the rounds. */
export type Classified =
  | { readonly kind: 'update'; readonly taskId: string; readonly jobId: string }
  /** The object matches, but its name cannot be used in a checkpoint list or as a task id. `reason` follows "the object is". */
  | { readonly kind: 'unusable'; readonly reason: string }
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
export function classifyObject(rules: readonly UploadRule[], object: GsUri): Classified {
  for (const rule of rules) {
    const values = matchPattern(rule.uploads, object);
    const [folder, jobId] = [values?.get('taskId'), values?.get('jobId')];
    if (folder === undefined || jobId === undefined) continue;
    const reason = objectProblem(object) ?? folderProblem(rules, rule, folder);
    if (reason !== null) return { kind: 'unusable', reason };
    return { kind: 'update', taskId: `${rule.taskIdPrefix}${folder}`, jobId };
  }
  return { kind: 'none' };
}

/** Why the folder of a rule cannot be a task, in words that follow "is"; `null` when it can. */
export function folderProblem(rules: readonly UploadRule[], rule: UploadRule, folder: string): string | null {
  const taskId = `${rule.taskIdPrefix}${folder}`;
  const owner = ruleOf(rules, taskId);
  if (owner === undefined || owner === rule) return taskIdProblem(taskId);
  return `of task id "${taskId}", which belongs to rounds[].uploads ${owner.uploads.text} (taskIdPrefix "${owner.taskIdPrefix}"): rename its folder`;
}

/** The rule that the task id belongs to: the one with the longest prefix. No two rules have the same prefix. */
export function ruleOf<R extends UploadRule>(rules: readonly R[], taskId: string): R | undefined {
  return rules
    .filter(({ taskIdPrefix }) => taskId.startsWith(taskIdPrefix))
    .toSorted((a, b) => b.taskIdPrefix.length - a.taskIdPrefix.length)[0];
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
export function taskPrefix({ uploads, taskIdPrefix }: UploadRule, taskId: string): string {
  return prefixOf(uploads, { taskId: taskId.slice(taskIdPrefix.length) });
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
