import { UnavailableError } from '../errors.ts';
import type { Refusal } from './api-errors.ts';

/** https://kubernetes.io/docs/reference/using-api/api-concepts/#retrieving-large-results-sets-in-chunks */
const PAGE_SIZE = 500;
/** A server that repeats itself must not keep us for ever. */
const MAX_PAGES = 1_000;

interface Page<T> {
  readonly items: readonly T[];
  readonly metadata?: { readonly _continue?: string };
}

/** What a list call is told of the page wanted. */
export interface PageRequest {
  readonly limit: number;
  readonly _continue?: string;
}

/** The outcome of a list call whose continue token is too old (410, after some minutes). */
export function pageExpired({ status }: Refusal): 'expired' | undefined {
  return status === 410 ? 'expired' : undefined;
}

/**
 * All items of all pages, which are one consistent snapshot. Each page is a call with a deadline of its own. A list
 * whose token expires is begun anew, once.
 */
export async function listPages<T>(list: (page: PageRequest) => Promise<Page<T> | 'expired'>): Promise<readonly T[]> {
  async function restart(): Promise<readonly T[] | 'expired'> {
    const items: T[] = [];
    let next: string | undefined;
    for (let count = 0; count < MAX_PAGES; count += 1) {
      const page = await list({ limit: PAGE_SIZE, ...(next !== undefined && { _continue: next }) });
      if (page === 'expired') return page;
      items.push(...page.items);
      next = page.metadata?._continue;
      if (next === undefined || next === '') return items;
    }
    throw new UnavailableError(`The API server's list did not end after ${MAX_PAGES} pages.`);
  }
  const first = await restart();
  const result = first === 'expired' ? await restart() : first;
  if (result === 'expired') throw new UnavailableError('The list changed too fast to be read page by page; try again.');
  return result;
}
