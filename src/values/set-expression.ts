import { InvalidRequestError } from '../errors.ts';
import { isDangerousKey, MAX_DEPTH, quote } from './json.ts';
import type { JsonValue } from './json.ts';

/** `set` infers types as helm's --set does, `set-string` keeps text. */
export type SetKind = 'set' | 'set-string';

export interface SetOptions {
  readonly kind?: SetKind;
  /**
   * Whether the field at this path holds text. helm prints an integer into a template as it was typed, so `--set aggregator.tag=1234567`
   * gives the tag "1234567": such fields keep what was typed here too (but `null` removes).
   */
  readonly isText?: (path: readonly (string | number)[]) => boolean;
}

/** Limits of helm's strvals. */
const MAX_INDEX = 65_536;
const MAX_NAME_LEVEL = 30;

type Path = (string | number)[];

/** One `key=value` of an expression. */
export interface Assignment {
  readonly path: readonly (string | number)[];
  readonly value: JsonValue;
  /** As it was typed, and where it begins, for errors. */
  readonly key: string;
  readonly start: number;
}

interface Cursor {
  readonly text: string;
  at: number;
  /** Where the present `key=value` begins. */
  start: number;
}

// Unicode-aware and case-insensitive, as Go's EqualFold.
const TRUE = /^true$/iu;
const FALSE = /^false$/iu;
const NULL = /^null$/iu;
const INTEGER = /^([+-]?[1-9]\d*|[+-]0\d*)$/;
const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

/** Shows the key and not the value: a token may have been typed there. `at` counts from 0. */
export function setError(key: string, at: number, message: string): InvalidRequestError {
  const full = `${message} (set ${quote(key)}, character ${at + 1})`;
  return new InvalidRequestError(`set: ${full}`, [{ path: 'set', message: full }]);
}

/** The assignments of an expression, in order. Throws InvalidRequestError naming the key and the character. */
export function readSetExpression(expression: string, options: SetOptions): readonly Assignment[] {
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
  const path: Path = [];
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

/** Text up to an unescaped character of `stops`, which is consumed; `stop` is '' at the end. A backslash takes what follows literally. */
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

function keyFrom({ text, start }: Cursor): string {
  const end = text.indexOf('=', start);
  return text.slice(start, end < 0 ? undefined : end);
}

/** `[0]`, `[0][1]` after a key; ends at the "." or "=" that follows, which is consumed. */
function readIndices(cursor: Cursor, path: Path): string {
  for (;;) {
    path.push(readIndex(cursor));
    const at = cursor.at;
    const { text, stop } = readUntil(cursor, '[.=');
    if (text !== '') fail(cursor, at, 'after "]" only "[", "." or "=" can stand');
    if (stop === '') fail(cursor, at, 'no value: write "=" and the value, or "=null" to remove the key');
    if (stop !== '[') return stop;
  }
}

function readIndex(cursor: Cursor): number {
  const at = cursor.at;
  const { text, stop } = readUntil(cursor, ']');
  if (stop === '') fail(cursor, at, 'an index without its "]"');
  if (!/^[+-]?\d+$/.test(text)) fail(cursor, at, 'an index that is not a whole number');
  const index = Number(text);
  if (index < 0) fail(cursor, at, 'a negative index');
  if (index > MAX_INDEX) fail(cursor, at, `an index over ${MAX_INDEX}`);
  return index === 0 ? 0 : index;
}

function readValue(cursor: Cursor, path: Path, options: SetOptions): JsonValue {
  if (cursor.text.charAt(cursor.at) === '{') return readList(cursor, path, options);
  const at = cursor.at;
  return toValue(cursor, at, readUntil(cursor, ',').text, path, options);
}

/** `{a,b}`; `{}` is a list of one empty text, as in helm. */
function readList(cursor: Cursor, path: Path, options: SetOptions): JsonValue[] {
  const list: JsonValue[] = [];
  const start = cursor.at;
  cursor.at += 1;
  for (;;) {
    const at = cursor.at;
    const { text, stop } = readUntil(cursor, ',}');
    if (stop === '') fail(cursor, start, 'a list without its "}"');
    list.push(toValue(cursor, at, text, [...path, list.length], options));
    if (stop === '}') break;
  }
  if (cursor.at < cursor.text.length && cursor.text.charAt(cursor.at) !== ',')
    fail(cursor, cursor.at, 'after "}" only "," can stand');
  cursor.at += 1;
  return list;
}

function toValue(cursor: Cursor, at: number, text: string, path: Path, options: SetOptions): JsonValue {
  if (options.kind === 'set-string') return text;
  if (options.isText?.(path) === true) return NULL.test(text) ? null : text;
  return inferType(cursor, at, text);
}

/** true, false, null, 0 and integers without leading zeros; all else is text, floats too. */
function inferType(cursor: Cursor, at: number, text: string): JsonValue {
  if (TRUE.test(text)) return true;
  if (FALSE.test(text)) return false;
  if (NULL.test(text)) return null;
  if (text === '0') return 0;
  return INTEGER.test(text) ? toInteger(cursor, at, text) : text;
}

function toInteger(cursor: Cursor, at: number, text: string): JsonValue {
  const value = BigInt(text.replace(/^\+/, ''));
  if (value < INT64_MIN || value > INT64_MAX) return text;
  if (!Number.isSafeInteger(Number(value)))
    fail(cursor, at, 'an integer beyond 2^53 would lose digits: use set-string');
  return Number(value);
}
