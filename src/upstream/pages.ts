import { UnavailableError } from '../errors.ts';

/** Bounds a list whose server repeats the same token. */
const MAX_PAGES = 1_000;

/** Pages in order, until one has no token for another. Each page is a call with its own deadline. */
export async function* readPages<P>(
  readPage: (token: string | undefined) => Promise<P>,
  nextToken: (page: P) => string | undefined,
): AsyncGenerator<P, void, undefined> {
  let token: string | undefined;
  for (let count = 0; count < MAX_PAGES; count += 1) {
    const page = await readPage(token);
    yield page;
    token = nextToken(page);
    if (token === undefined || token === '') return;
  }
  throw new UnavailableError(`A list did not end after ${MAX_PAGES} pages.`);
}
