import type { InvalidRequestError } from '../errors.ts';
import { documentError, positionAt, TOO_DEEP, UNSAFE_INTEGER } from './document-error.ts';
import { formatPath, isDangerousKey, MAX_DEPTH, quote } from './json.ts';
import type { MutableJson } from './json.ts';

/** `syntax`: not JSON at all (it may be YAML). `content`: JSON, but nothing this service reads. */
export type JsonReading =
  | { readonly kind: 'value'; readonly value: MutableJson }
  | { readonly kind: 'syntax' | 'content'; readonly error: InvalidRequestError };

interface Cursor {
  readonly text: string;
  at: number;
  readonly path: (string | number)[];
}

class Refusal extends Error {
  readonly kind: 'syntax' | 'content';
  readonly error: InvalidRequestError;
  constructor(kind: 'syntax' | 'content', error: InvalidRequestError) {
    super(error.message);
    this.kind = kind;
    this.error = error;
  }
}

const SPACE = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const LITERALS: ReadonlyMap<string, readonly [string, MutableJson]> = new Map([
  ['t', ['true', true]],
  ['f', ['false', false]],
  ['n', ['null', null]],
]);

/**
 * Strict JSON (RFC 8259) in one pass. `JSON.parse` alone will not do: it keeps the last of two equal keys in silence,
 * rounds large integers, has no depth limit, and its messages quote the text.
 */
export function readJson(text: string): JsonReading {
  const cursor: Cursor = { text, at: 0, path: [] };
  try {
    skipSpace(cursor);
    const value = readValue(cursor);
    if (cursor.at < text.length) throw syntax(cursor, 'it should end');
    return { kind: 'value', value };
  } catch (error) {
    if (error instanceof Refusal) return { kind: error.kind, error: error.error };
    throw error;
  }
}

function skipSpace(cursor: Cursor): void {
  SPACE.lastIndex = cursor.at;
  SPACE.test(cursor.text);
  cursor.at = SPACE.lastIndex;
}

function readValue(cursor: Cursor): MutableJson {
  if (cursor.path.length > MAX_DEPTH) throw content(cursor, cursor.at, TOO_DEEP);
  if (take(cursor, '{')) return readMapping(cursor);
  if (take(cursor, '[')) return readList(cursor);
  const scalar = readScalar(cursor);
  skipSpace(cursor);
  return scalar;
}

function content(cursor: Cursor, at: number, message: string): Refusal {
  return new Refusal('content', documentError(positionAt(cursor.text, at), message, formatPath(cursor.path)));
}

/** Whether `char` stood here; then it is consumed, with the space after it. */
function take(cursor: Cursor, char: string): boolean {
  if (cursor.text[cursor.at] !== char) return false;
  cursor.at += 1;
  skipSpace(cursor);
  return true;
}

function readMapping(cursor: Cursor): { [key: string]: MutableJson } {
  const mapping: { [key: string]: MutableJson } = {};
  if (take(cursor, '}')) return mapping;
  for (;;) {
    const key = readKey(cursor, mapping);
    cursor.path.push(key);
    mapping[key] = readValue(cursor);
    cursor.path.pop();
    if (take(cursor, '}')) return mapping;
    if (!take(cursor, ',')) throw syntax(cursor, '"," or "}" is expected');
  }
}

function readKey(cursor: Cursor, seen: { readonly [key: string]: MutableJson }): string {
  const at = cursor.at;
  if (cursor.text[at] !== '"') throw syntax(cursor, 'a key in double quotes is expected');
  const key = readString(cursor);
  if (isDangerousKey(key)) throw content(cursor, at, `the key ${quote(key)} is not accepted`);
  if (Object.hasOwn(seen, key))
    throw content(cursor, at, `the key ${quote(key)} stands here a second time: keep one of them`);
  skipSpace(cursor);
  if (!take(cursor, ':')) throw syntax(cursor, '":" is expected');
  return key;
}

function syntax(cursor: Cursor, expected: string): Refusal {
  const found = cursor.at >= cursor.text.length ? 'the document ends' : 'something else stands';
  return new Refusal(
    'syntax',
    documentError(positionAt(cursor.text, cursor.at), `not valid JSON: ${found} where ${expected}`),
  );
}

/** Finds the end of the literal by hand (a regular expression over a megabyte can exhaust its stack). */
function readString(cursor: Cursor): string {
  const start = cursor.at;
  let end = cursor.text.indexOf('"', start + 1);
  while (end >= 0 && isEscaped(cursor.text, end)) end = cursor.text.indexOf('"', end + 1);
  if (end < 0)
    throw new Refusal(
      'syntax',
      documentError(positionAt(cursor.text, start), 'not valid JSON: a string that does not end'),
    );
  const text = parseLiteral(cursor, start, end + 1);
  if (!text.isWellFormed()) throw content(cursor, start, 'a string with half a surrogate pair: it has no UTF-8 form');
  cursor.at = end + 1;
  return text;
}

function isEscaped(text: string, at: number): boolean {
  let slashes = 0;
  while (text[at - 1 - slashes] === '\\') slashes += 1;
  return slashes % 2 === 1;
}

function parseLiteral(cursor: Cursor, start: number, end: number): string {
  try {
    return String(JSON.parse(cursor.text.slice(start, end)));
  } catch {
    const message = 'not valid JSON: a string with a line break, a control character or an unknown escape';
    throw new Refusal('syntax', documentError(positionAt(cursor.text, start), message));
  }
}

function readList(cursor: Cursor): MutableJson[] {
  const list: MutableJson[] = [];
  if (take(cursor, ']')) return list;
  for (;;) {
    cursor.path.push(list.length);
    list.push(readValue(cursor));
    cursor.path.pop();
    if (take(cursor, ']')) return list;
    if (!take(cursor, ',')) throw syntax(cursor, '"," or "]" is expected');
  }
}

function readScalar(cursor: Cursor): MutableJson {
  const char = cursor.text[cursor.at] ?? '';
  if (char === '"') return readString(cursor);
  const literal = LITERALS.get(char);
  if (literal === undefined) return readNumber(cursor);
  if (!cursor.text.startsWith(literal[0], cursor.at)) throw syntax(cursor, 'a value is expected');
  cursor.at += literal[0].length;
  return literal[1];
}

function readNumber(cursor: Cursor): number {
  NUMBER.lastIndex = cursor.at;
  const match = NUMBER.exec(cursor.text);
  if (match === null) throw syntax(cursor, 'a value is expected');
  const value = Number(match[0]);
  if (!Number.isFinite(value)) throw content(cursor, cursor.at, 'a number that is too large');
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) throw content(cursor, cursor.at, UNSAFE_INTEGER);
  cursor.at += match[0].length;
  return value;
}
