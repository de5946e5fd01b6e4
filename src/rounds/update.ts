import { formatGsUri, gsUriProblem } from '../storage/uri.ts';
import type { GsUri } from '../storage/uri.ts';
import { environmentProblem, listLineProblem } from '../values/aggregator-text.ts';
import type { ObjectPattern } from '../values/object-pattern.ts';
import { matchPattern, prefixOf } from './pattern.ts';

/** What an object is to the rounds. */
export type Classified =
  | { readonly kind: 'update'; readonly pattern: ObjectPattern; readonly taskId: string; readonly jobId: string }
  /** Matches, but its name can neither stand in a checkpoint list nor name a task. `reason` follows "the object is". */
  | { readonly kind: 'unusable'; readonly pattern: ObjectPattern; readonly reason: string }
  | { readonly kind: 'none' };

// The state's object names hold the taskId besides 40 characters of ours and the prefix of STATE_URI; 1,024 bytes are all.
const MAX_TASK_ID_BYTES = 512;
const SHELL_TEXT = 'a task id with white space, a quote or another character that a shell interprets';

/** Why `taskId` cannot name a task, in words that follow "is"; `null` when it can. */
export function taskIdProblem(taskId: string): string | null {
  if (taskId === '' || taskId.includes('/')) return 'not one path segment';
  if (Buffer.byteLength(taskId) > MAX_TASK_ID_BYTES) return `longer than ${MAX_TASK_ID_BYTES} bytes`;
  // It becomes part of the output path and of the list's path, which are environment values of the aggregator.
  return gsUriProblem(`gs://task/${taskId}`) ?? (environmentProblem(taskId) === null ? null : SHELL_TEXT);
}

/** Classifies `object` by the first of `patterns` that it matches (they do not overlap). */
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
  const reason = gsUriProblem(formatGsUri(object)) ?? lineProblem(object) ?? taskIdProblem(taskId);
  return reason === null ? { kind: 'update', pattern, taskId, jobId } : { kind: 'unusable', pattern, reason };
}

function lineProblem(object: GsUri): string | null {
  const problem = listLineProblem(formatGsUri(object));
  return problem === null ? null : `a path that ${problem}`;
}

/** The prefix below which every update of the task lies. */
export function taskPrefix(pattern: ObjectPattern, taskId: string): string {
  return prefixOf(pattern, { taskId });
}

/** The prefix below which every task lies; with the delimiter `/`, a listing folds each task into one prefix. */
export function tasksPrefix(pattern: ObjectPattern): string {
  return prefixOf(pattern, {});
}
