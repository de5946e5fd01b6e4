import { InvalidRequestError } from '../errors.ts';
import type { Issue } from '../errors.ts';
import { closest } from '../values/nearest.ts';

/** A parsed query: each name with all its values, in order. */
export type Query = ReadonlyMap<string, readonly string[]>;

/** The text of a parameter; `undefined` where it is absent. Throws InvalidRequestError where it is repeated. */
export const text = single;

/** The query of a URL, each name with all its values in order. Throws InvalidRequestError on names not in `known`. */
export function parseQuery(url: string, known: readonly string[]): Query {
  const at = url.indexOf('?');
  const query = new Map<string, string[]>();
  const issues: Issue[] = [];
  for (const [name, value] of new URLSearchParams(at < 0 ? '' : url.slice(at + 1))) {
    const near = known.includes(name) ? undefined : closest(name, known);
    if (!known.includes(name)) {
      const hint =
        near === undefined ? `Known: ${known.length === 0 ? 'none' : known.join(', ')}` : `did you mean "${near}"?`;
      issues.push({ path: `?${name}`, message: `is not a parameter of this call; ${hint}` });
      continue;
    }
    query.set(name, [...(query.get(name) ?? []), value]);
  }
  if (issues.length > 0)
    throw new InvalidRequestError(issues.map(({ path, message }) => `${path} ${message}`).join('; '), issues);
  return query;
}

/** `true` for `?name=true` and a bare `?name`, `false` for `?name=false` and where it is absent. */
export function flag(query: Query, name: string): boolean {
  const value = single(query, name);
  if (value === undefined || value === 'false') return false;
  if (value === 'true' || value === '') return true;
  throw invalid(name, `is "${value.slice(0, 40)}"; write true or false`);
}

function single(query: Query, name: string): string | undefined {
  const values = query.get(name) ?? [];
  if (values.length > 1) throw invalid(name, 'is given more than once');
  return values[0];
}

function invalid(name: string, message: string): InvalidRequestError {
  return new InvalidRequestError(`?${name} ${message}`, [{ path: `?${name}`, message }]);
}

/** A whole number from `least` to `most`; `undefined` where the parameter is absent. */
export function wholeNumber(query: Query, name: string, least: number, most: number): number | undefined {
  const value = single(query, name);
  if (value === undefined) return undefined;
  const number = /^[0-9]{1,9}$/.test(value) ? Number(value) : Number.NaN;
  if (number >= least && number <= most) return number;
  throw invalid(name, `is "${value.slice(0, 40)}"; write a whole number from ${least} to ${most}`);
}

/** One of `choices`; `undefined` where the parameter is absent. */
export function choice<T extends string>(query: Query, name: string, choices: readonly T[]): T | undefined {
  const value = single(query, name);
  if (value === undefined) return undefined;
  const found = choices.find((candidate) => candidate === value);
  if (found !== undefined) return found;
  throw invalid(name, `is "${value.slice(0, 40)}"; write one of ${choices.join(', ')}`);
}
