import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ListQuery } from '../../gcs/listing.ts';
import { listPage, parseListQuery } from '../../gcs/listing.ts';
import { compareUtf8 } from '../../gcs/names.ts';
import { createSortedNames } from '../../gcs/sorted-names.ts';

const aName = fc.string({ unit: fc.constantFrom('a', 'b', '/', '\uff5e', '\u{1f393}', '\ud7ff'), maxLength: 6 });
const aQuery: fc.Arbitrary<ListQuery> = fc.record({
  prefix: fc.oneof(fc.constant(''), aName),
  delimiter: fc.constantFrom('', '/', 'b', 'a/'),
  includeTrailingDelimiter: fc.boolean(),
  startOffset: fc.oneof(fc.constant(''), aName),
  endOffset: fc.oneof(fc.constant(null), aName),
  pageToken: fc.constant(null),
  maxResults: fc.integer({ min: 1, max: 5 }),
});

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function indexOf(names: Iterable<string>) {
  const index = createSortedNames();
  for (const name of names) index.add(name);
  return index;
}

function walkPages(names: Iterable<string>, query: ListQuery) {
  const index = indexOf(names);
  const all: { names: string[]; prefixes: string[]; pages: number } = { names: [], prefixes: [], pages: 0 };
  let pageToken: string | null = null;
  do {
    const page = listPage(index, { ...query, pageToken });
    expect(page.names.length + page.prefixes.length).toBeLessThanOrEqual(query.maxResults);
    all.names.push(...page.names);
    all.prefixes.push(...page.prefixes);
    all.pages += 1;
    pageToken = page.nextPageToken ?? null;
  } while (pageToken !== null);
  return all;
}

/** The definition, with no thought of speed. */
function expected(names: Iterable<string>, query: ListQuery) {
  const { prefix, delimiter, startOffset, endOffset, includeTrailingDelimiter } = query;
  const inRange = [...names]
    .filter((name) => name.startsWith(prefix) && byBytes(name, startOffset) >= 0)
    .filter((name) => endOffset === null || byBytes(name, endOffset) < 0)
    .toSorted(byBytes);
  function foldOf(name: string): string | null {
    const cut = delimiter === '' ? -1 : name.indexOf(delimiter, prefix.length);
    return cut < 0 ? null : name.slice(0, cut + delimiter.length);
  }
  return {
    names: inRange.filter((name) => foldOf(name) === null || (includeTrailingDelimiter && foldOf(name) === name)),
    prefixes: [...new Set(inRange.map(foldOf).filter((fold) => fold !== null))],
  };
}

describe('listing', () => {
  test('all pages together are what the definition says', () => {
    fc.assert(
      fc.property(fc.uniqueArray(aName, { maxLength: 30 }), aQuery, (names, query) => {
        const { pages, ...all } = walkPages(names, query);
        expect(pages).toBeGreaterThan(0);
        expect(all).toEqual(expected(names, query));
      }),
      { numRuns: 500 },
    );
  });

  test('a token that is not ours is refused with 400', () => {
    const query = parseListQuery(new URLSearchParams({ pageToken: 'bm9uc2Vuc2U' }));
    expect(() => listPage(indexOf(['a']), query)).toThrow(expect.objectContaining({ status: 400 }));
  });

  test.each([
    ['', 1000],
    ['maxResults=0', 1000],
    ['maxResults=5', 5],
    ['maxResults=5000', 1000],
  ])('"%s" is pages of %i', (text, maxResults) => {
    expect(parseListQuery(new URLSearchParams(text))).toMatchObject({ maxResults });
  });
});

describe('the order of names', () => {
  test('is that of their UTF-8 bytes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (a, b) => {
        expect(Math.sign(compareUtf8(a, b))).toBe(byBytes(a, b));
      }),
    );
  });

  test('is kept through any additions and removals', () => {
    const step = fc.record({ add: fc.boolean(), number: fc.nat(4000) });
    fc.assert(
      fc.property(fc.array(step, { minLength: 3000, maxLength: 6000 }), (steps) => {
        const index = createSortedNames();
        const model = new Set<string>();
        for (const { add, number } of steps) {
          const name = number.toString(36);
          if (add) index.add(name);
          else index.delete(name);
          if (add) model.add(name);
          else model.delete(name);
        }
        expect(index.size).toBe(model.size);
        expect([...index.scan(() => false)]).toEqual([...model].toSorted(byBytes));
      }),
      { numRuns: 10 },
    );
  });
});
