import { badRequest } from './errors.ts';
import { compareUtf8 } from './names.ts';
import type { SortedNames } from './sorted-names.ts';

/** A page of objects.list, by name. */
export interface ListQuery {
  readonly prefix: string;
  readonly delimiter: string;
  readonly includeTrailingDelimiter: boolean;
  readonly startOffset: string;
  readonly endOffset: string | null;
  readonly pageToken: string | null;
  readonly maxResults: number;
}

export interface ListPage {
  readonly names: readonly string[];
  readonly prefixes: readonly string[];
  readonly nextPageToken?: string;
}

const MAX_RESULTS = 1000;

/** The position of a listing: after a name; at a folded prefix; or after all names of a folded prefix. */
interface Position {
  readonly kind: 'after' | 'fold' | 'past';
  readonly name: string;
}

const MARKS = { after: '>', fold: '+', past: '/' } as const;

type IsBefore = (name: string) => boolean;

/** The next entry of a listing, and the position after it. */
interface Step {
  readonly name?: string;
  readonly prefix?: string;
  readonly next: Position;
}

/** The whole listing from the query's start. A folded prefix takes one search, for any number of objects. */
function* walk(index: SortedNames, query: ListQuery): Generator<Step, void, undefined> {
  const { prefix, startOffset, endOffset } = query;
  const from = compareUtf8(prefix, startOffset) > 0 ? prefix : startOffset;
  const token = query.pageToken === null ? null : parseToken(query.pageToken);
  if (token?.kind === 'fold') yield { prefix: token.name, next: { kind: 'past', name: token.name } };
  const resumed: IsBefore = token === null ? () => false : beforePosition(token);
  let before: IsBefore | null = (name) => compareUtf8(name, from) < 0 || resumed(name);
  while (before !== null) {
    const start: IsBefore = before;
    before = null;
    for (const name of index.scan(start)) {
      if (!name.startsWith(prefix) || (endOffset !== null && compareUtf8(name, endOffset) >= 0)) return;
      const steps = stepsOf(name, query);
      yield* steps;
      const next = steps.at(-1)?.next;
      if (next?.kind !== 'past') continue;
      before = beforePosition(next);
      break;
    }
  }
}

/** Reads the parameters of objects.list. Throws 400. */
export function parseListQuery(query: URLSearchParams): ListQuery {
  const maxResults = query.get('maxResults') ?? String(MAX_RESULTS);
  if (!/^\d{1,10}$/.test(maxResults)) throw badRequest(`Invalid value for maxResults: "${maxResults.slice(0, 40)}"`);
  return {
    prefix: query.get('prefix') ?? '',
    delimiter: query.get('delimiter') ?? '',
    includeTrailingDelimiter: query.get('includeTrailingDelimiter')?.toLowerCase() === 'true',
    startOffset: query.get('startOffset') ?? '',
    endOffset: query.get('endOffset') || null,
    pageToken: query.get('pageToken') || null,
    maxResults: Math.min(MAX_RESULTS, Number(maxResults) || MAX_RESULTS),
  };
}

/**
 * One page of names and prefixes together, in UTF-8 byte order:
 * https://cloud.google.com/storage/docs/json_api/v1/objects/list. Throws 400 for an invalid token.
 */
export function listPage(index: SortedNames, query: ListQuery): ListPage {
  const names: string[] = [];
  const prefixes: string[] = [];
  let last: Position | null = null;
  for (const step of walk(index, query)) {
    if (last !== null && names.length + prefixes.length >= query.maxResults) {
      return { names, prefixes, nextPageToken: formatToken(last) };
    }
    if (step.name !== undefined) names.push(step.name);
    if (step.prefix !== undefined) prefixes.push(step.prefix);
    last = step.next;
  }
  return { names, prefixes };
}

function formatToken({ kind, name }: Position): string {
  return Buffer.from(MARKS[kind] + name).toString('base64url');
}

function parseToken(token: string): Position {
  const text = Buffer.from(token, 'base64url').toString();
  const name = text.slice(1);
  for (const kind of ['after', 'fold', 'past'] as const) {
    if (text[0] === MARKS[kind] && formatToken({ kind, name }) === token) return { kind, name };
  }
  throw badRequest('Invalid pageToken.', 'invalidParameter');
}

function beforePosition({ kind, name }: Position): IsBefore {
  return kind === 'after'
    ? (other) => compareUtf8(other, name) <= 0
    : (other) => compareUtf8(other, name) < 0 || other.startsWith(name);
}

function stepsOf(name: string, { prefix, delimiter, includeTrailingDelimiter }: ListQuery): readonly Step[] {
  const cut = delimiter === '' ? -1 : name.indexOf(delimiter, prefix.length);
  if (cut < 0) return [{ name, next: { kind: 'after', name } }];
  const folded = name.slice(0, cut + delimiter.length);
  const fold: Step = { prefix: folded, next: { kind: 'past', name: folded } };
  if (!includeTrailingDelimiter || folded !== name) return [fold];
  return [{ name, next: { kind: 'fold', name: folded } }, fold];
}
