import { formatPath, getOwn, isJsonObject } from './json.ts';
import type { JsonObject, JsonValue } from './json.ts';
import { readSetExpression, setError } from './set-expression.ts';
import type { Assignment, SetOptions } from './set-expression.ts';

export type { SetKind, SetOptions } from './set-expression.ts';

/** Lists of values have no holes, so a short expression may not ask for a list of 65,536 (helm's limit). */
const MAX_GAP = 1_000;

/**
 * `values` with one expression of helm's `--set` laid over it: `a.b=c,d={x,y},e[0].f=1`, with a backslash before a literal `.`, `,`, `=` or `[`. There are
 * no quotes: they are taken literally. A key set to `null` stays, as `null`, until `mergeValues` or `parseValues` drops it. `values` is
 * not changed.
 *
 * Semantics: helm v3 `pkg/strvals`. What helm drops in silence is refused: an empty key, a lone backslash at the end, `a[0]` without a
 * value, `{x}y`. What it loses is kept: `a[0].b=` at the end. A `null` on the way counts as absent, where helm fails.
 *
 * Throws InvalidRequestError naming the key and the character.
 */
export function applySet(values: JsonObject, expression: string, options: SetOptions = {}): JsonObject {
  return readSetExpression(expression, options).reduce((sum, task) => {
    const result = assign(task, sum, 0);
    return isJsonObject(result) ? result : sum;
  }, values);
}

function assign(task: Assignment, current: JsonValue | undefined, depth: number): JsonValue {
  const step = task.path[depth];
  if (step === undefined) return task.value;
  return typeof step === 'number' ? assignIndex(task, current, depth, step) : assignKey(task, current, depth, step);
}

function assignIndex(task: Assignment, current: JsonValue | undefined, depth: number, index: number): JsonValue[] {
  if (current !== undefined && current !== null && !Array.isArray(current)) mismatch(task, depth, 'list');
  const list: JsonValue[] = Array.isArray(current) ? [...current] : [];
  if (index > list.length + MAX_GAP) {
    throw setError(task.key, task.start, `an index more than ${MAX_GAP} beyond the end of the list`);
  }
  while (list.length < index) list.push(null);
  list[index] = assign(task, list[index], depth + 1);
  return list;
}

function mismatch(task: Assignment, depth: number, expected: string): never {
  throw setError(
    task.key,
    task.start,
    `${formatPath(task.path.slice(0, depth))} is not a ${expected} and cannot be set into`,
  );
}

function assignKey(task: Assignment, current: JsonValue | undefined, depth: number, key: string): JsonObject {
  // helm replaces what is not a mapping when it stands in a list, and refuses when it stands in a mapping.
  const replace = typeof task.path[depth - 1] === 'number';
  const mapping = isJsonObject(current) ? current : {};
  if (!isJsonObject(current) && current !== undefined && current !== null && !replace) mismatch(task, depth, 'mapping');
  return { ...mapping, [key]: assign(task, getOwn(mapping, key), depth + 1) };
}
