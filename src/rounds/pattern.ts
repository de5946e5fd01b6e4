import { InvalidRequestError } from '../errors.ts';
import type { GsUri } from '../storage/uri.ts';
import { gsUriProblem } from '../storage/uri.ts';
import type { ObjectPattern, Segment } from '../values/object-pattern.ts';

/** What the placeholders stand for in this object's name; `null` when the object does not match. */
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

/** `pattern` with its placeholders filled up to the first one that `values` lacks: a prefix to list by. */
export function prefixOf(pattern: ObjectPattern, values: Readonly<Record<string, string>>): string {
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
 * `template` with its placeholders filled, in one pass: a value that looks like a placeholder stays as it is.
 * Throws InvalidRequestError when the result is not a usable path.
 */
export function fillPath(template: string, values: Readonly<Record<string, string>>, field: string): string {
  const path = template.replaceAll(/\{([^{}]+)\}/g, (whole, name: string) => values[name] ?? whole);
  const problem = gsUriProblem(path);
  if (problem === null) return path;
  const message = `"${path.slice(0, 200)}" is ${problem}`;
  throw new InvalidRequestError(`${field}: ${message}`, [{ path: field, message }]);
}
