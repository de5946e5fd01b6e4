import { InvalidRequestError } from '../errors.ts';
import { formatPath, getOwn, isDangerousKey, isJsonObject, MAX_DEPTH, quote } from './json.ts';
import type { JsonObject, JsonValue } from './json.ts';
import { overlayValues } from './merge.ts';
import { parseDocument } from './parse-document.ts';

/** In the order in which helm applies them. `set` infers types as helm's --set does, `set-string` keeps text, `set-json` reads JSON. */
export const SET_KINDS = ['set-json', 'set', 'set-string'] as const;
export type SetKind = (typeof SET_KINDS)[number];

export interface SetOptions {
  /** `set` by default. */
  readonly kind?: SetKind;
  /**
   * Whether the field at this path is a text field. Such a field keeps the text as typed (`null` still removes it), because helm prints an
   * integer into a template as typed: `--set aggregator.tag=1234567` is the tag "1234567".
   */
  readonly isText?: (path: Path) => boolean;
}

type Path = readonly (string | number)[];

/** One `key=value` of an expression. */
interface Assignment {
  readonly path: Path;
  readonly value: JsonValue;
  /** The key as typed and the offset where it begins, for errors. */
  readonly key: string;
  readonly start: number;
}

interface Cursor {
  readonly text: string;
  at: number;
  /** Where the current `key=value` begins. */
  start: number;
}

// The limits of helm's strvals.
const MAX_INDEX = 65_536;
const MAX_NAME_LEVEL = 30;
/** Lists have no holes, so a short expression must not create a list of 65,536 entries. */
const MAX_GAP = 1_000;

// Unicode-aware and case-insensitive, as Go's EqualFold.
const TRUE = /^true$/iu;
const FALSE = /^false$/iu;
const NULL = /^null$/iu;
const INTEGER = /^([+-]?[1-9]\d*|[+-]0\d*)$/;

/**
 * Applies one expression of helm's `--set` to `values`: `a.b=c,d={x,y},e[0].f=1`, with a backslash before a literal `.`, `,`, `=` or `[`.
 * Quotes have no special meaning. With `set-json` each value is JSON, `a.b={"c":1},d=[2]`, and an expression without a key is a whole
 * document, `{"a":{"b":1}}`. A key set to `null` is kept as `null` until `mergeValues` or `parseValues` removes it. `values` is not changed.
 *
 * The semantics are those of helm v3 `pkg/strvals`, with these exceptions. What helm drops without an error is rejected: an empty key, a
 * backslash at the end, `a[0]` without a value, `{x}y`. `a[0].b=` at the end, which helm loses, is kept. A `null` inside the path counts as
 * absent, where helm fails.
 *
 * Throws InvalidRequestError with the key and the character. It never contains the value, which may be a token.
 */
export function applySet(values: JsonObject, expression: string, options: SetOptions = {}): JsonObject {
  if (options.kind === 'set-json' && expression.trimStart().startsWith('{')) {
    const cursor: Cursor = { text: expression, at: 0, start: 0 };
    const document = readJson(cursor);
    if (!isJsonObject(document) || cursor.at < expression.length) fail(cursor, 0, 'not one JSON object');
    return overlayValues(values, document);
  }
  return readExpression(expression, options).reduce((sum, assignment) => {
    const result = assign(assignment, sum, 0);
    return isJsonObject(result) ? result : sum;
  }, values);
}

function readExpression(expression: string, options: SetOptions): readonly Assignment[] {
  const cursor: Cursor = { text: expression, at: 0, start: 0 };
  const assignments: Assignment[] = [];
  while (cursor.at < expression.length) {
    cursor.start = cursor.at;
    const path = readPath(cursor);
    assignments.push({ path, value: readValue(cursor, path, options), key: keyFrom(cursor), start: cursor.start });
  }
  return assignments;
}

function readPath(cursor: Cursor): Path {
  const path: (string | number)[] = [];
  for (let level = 0; ;) {
    const { key, stop } = readKey(cursor);
    path.push(key);
    const end = stop === '[' ? readIndices(cursor, path) : stop;
    level += stop === '.' ? 1 : 0;
    if (level > MAX_NAME_LEVEL || path.length > MAX_DEPTH) {
      fail(cursor, cursor.at, `more than ${MAX_NAME_LEVEL} levels of nesting`);
    }
    if (end === '=') return path;
  }
}

function readKey(cursor: Cursor): { readonly key: string; readonly stop: string } {
  const at = cursor.at;
  const { text: key, stop } = readUntil(cursor, '=[,.');
  if (stop === '' || stop === ',') fail(cursor, at, 'no value: write "=" and the value, or "=null" to remove the key');
  if (key === '') fail(cursor, at, 'an empty key');
  if (isDangerousKey(key)) fail(cursor, at, `the key ${quote(key)} is not accepted`);
  return { key, stop };
}

/** Reads up to and including an unescaped character of `stops`; `stop` is '' at the end. A backslash makes the next character literal. */
function readUntil(cursor: Cursor, stops: string): { readonly text: string; readonly stop: string } {
  let text = '';
  while (cursor.at < cursor.text.length) {
    const char = cursor.text.charAt(cursor.at);
    cursor.at += 1;
    if (stops.includes(char)) return { text, stop: char };
    if (char !== '\\') {
      text += char;
      continue;
    }
    if (cursor.at >= cursor.text.length)
      fail(cursor, cursor.at - 1, 'a lone backslash at the end: write \\\\ for a backslash');
    text += cursor.text.charAt(cursor.at);
    cursor.at += 1;
  }
  return { text, stop: '' };
}

function fail(cursor: Cursor, at: number, message: string): never {
  throw setError(keyFrom(cursor), at, message);
}

/** `at` counts from 0. */
function setError(key: string, at: number, message: string): InvalidRequestError {
  const full = `${message} (set ${quote(key)}, character ${at + 1})`;
  return new InvalidRequestError(`set: ${full}`, [{ path: 'set', message: full }]);
}

function keyFrom({ text, start }: Cursor): string {
  const end = text.indexOf('=', start);
  return text.slice(start, end < 0 ? undefined : end);
}

/** Reads `[0]` or `[0][1]` after a key, up to and including the "." or "=" that follows, which is returned. */
function readIndices(cursor: Cursor, path: (string | number)[]): string {
  for (;;) {
    path.push(readIndex(cursor));
    const at = cursor.at;
    const { text, stop } = readUntil(cursor, '[.=');
    if (text !== '') fail(cursor, at, 'after "]" only "[", "." or "=" is allowed');
    if (stop === '') fail(cursor, at, 'no value: write "=" and the value, or "=null" to remove the key');
    if (stop !== '[') return stop;
  }
}

function readIndex(cursor: Cursor): number {
  const at = cursor.at;
  const { text, stop } = readUntil(cursor, ']');
  if (stop === '') fail(cursor, at, 'an index without a closing "]"');
  if (!/^[+-]?\d+$/.test(text)) fail(cursor, at, 'an index that is not a whole number');
  const index = Number(text);
  if (index < 0) fail(cursor, at, 'a negative index');
  if (index > MAX_INDEX) fail(cursor, at, `an index over ${MAX_INDEX}`);
  return index === 0 ? 0 : index;
}

function readValue(cursor: Cursor, path: Path, options: SetOptions): JsonValue {
  if (options.kind === 'set-json') return readJson(cursor);
  if (cursor.text.charAt(cursor.at) === '{') return readList(cursor, path, options);
  const at = cursor.at;
  return toValue(cursor, at, readUntil(cursor, ',').text, path, options);
}

/** Reads one JSON value, which ends before a comma outside brackets and strings, and that comma. Nothing is `null`, as in helm. */
function readJson(cursor: Cursor): JsonValue {
  const { at, text } = cursor;
  const end = endOfJson(text, at);
  cursor.at = end + 1;
  const json = text.slice(at, end).trim();
  if (json === '') return null;
  try {
    return parseDocument(Buffer.from(`{"value":${json}}`), { contentType: 'application/json' })['value'] ?? null;
  } catch (error) {
    if (!(error instanceof InvalidRequestError)) throw error;
    const reason = error.issues[0]?.message.replace(/ \(line.*/, '') ?? '';
    return fail(cursor, at, `${reason}: the value of set-json is JSON, and text is in double quotes`);
  }
}

function endOfJson(text: string, start: number): number {
  let depth = 0;
  for (const { 0: token, index } of text.slice(start).matchAll(/"(?:[^"\\]|\\.)*"|[[\]{},]/g)) {
    if (token === '{' || token === '[') depth += 1;
    if (token === '}' || token === ']') depth -= 1;
    if (token === ',' && depth === 0) return start + index;
  }
  return text.length;
}

/** Reads `{a,b}`; `{}` is a list with one empty text, as in helm. */
function readList(cursor: Cursor, path: Path, options: SetOptions): JsonValue[] {
  const list: JsonValue[] = [];
  const start = cursor.at;
  cursor.at += 1;
  for (;;) {
    const at = cursor.at;
    const { text, stop } = readUntil(cursor, ',}');
    if (stop === '') fail(cursor, start, 'a list without a closing "}"');
    list.push(toValue(cursor, at, text, [...path, list.length], options));
    if (stop === '}') break;
  }
  if (cursor.at < cursor.text.length && cursor.text.charAt(cursor.at) !== ',')
    fail(cursor, cursor.at, 'after "}" only "," is allowed');
  cursor.at += 1;
  return list;
}

/** Recognizes true, false, null, 0 and integers without leading zeros; everything else, floats included, is text. */
function toValue(cursor: Cursor, at: number, text: string, path: Path, options: SetOptions): JsonValue {
  if (options.kind === 'set-string') return text;
  if (NULL.test(text)) return null;
  if (options.isText?.(path) === true) return text;
  if (TRUE.test(text)) return true;
  if (FALSE.test(text)) return false;
  if (text !== '0' && !INTEGER.test(text)) return text;
  const value = BigInt(text.replace(/^\+/, ''));
  if (value !== BigInt.asIntN(64, value)) return text;
  if (Number.isSafeInteger(Number(value))) return Number(value);
  return fail(cursor, at, 'an integer beyond 2^53 would lose digits: use set-string');
}

function assign(assignment: Assignment, current: JsonValue | undefined, depth: number): JsonValue {
  const step = assignment.path[depth];
  if (step === undefined) return assignment.value;
  const isAbsent = current === undefined || current === null;
  if (typeof step === 'string') {
    // helm replaces a value that is not a mapping inside a list, and fails inside a mapping.
    const isReplaced = isAbsent || typeof assignment.path[depth - 1] === 'number';
    if (!isJsonObject(current) && !isReplaced) mismatch(assignment, depth, 'mapping');
    const mapping = isJsonObject(current) ? current : {};
    return { ...mapping, [step]: assign(assignment, getOwn(mapping, step), depth + 1) };
  }
  if (!isAbsent && !Array.isArray(current)) mismatch(assignment, depth, 'list');
  const list: JsonValue[] = Array.isArray(current) ? [...current] : [];
  if (step > list.length + MAX_GAP) {
    throw setError(assignment.key, assignment.start, `an index more than ${MAX_GAP} beyond the end of the list`);
  }
  while (list.length < step) list.push(null);
  list[step] = assign(assignment, list[step], depth + 1);
  return list;
}

function mismatch({ path, key, start }: Assignment, depth: number, expected: string): never {
  throw setError(key, start, `${formatPath(path.slice(0, depth))} is not a ${expected} and cannot be set into`);
}
