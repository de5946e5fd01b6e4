import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DeadlineError } from '../../src/errors.ts';
import type { ObjectInfo, ObjectPage, ObjectStore } from '../../src/storage/port.ts';
import { compareGenerations } from '../../src/storage/port.ts';
import type { GsUri } from '../../src/storage/uri.ts';

/** A store under test, with an existing bucket that has no other writer below `root`. */
export interface StoreUnderTest {
  readonly store: ObjectStore;
  readonly bucket: string;
  /** A prefix for this suite only, ending in a slash. */
  readonly root: string;
  close?(): Promise<void>;
}

const written = (result: ObjectInfo | 'conflict'): ObjectInfo => {
  if (result === 'conflict') throw new Error('the write met a conflict');
  return result;
};

const collect = async (body: AsyncIterable<Uint8Array>): Promise<string> => {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
};

/** The contract of the port `ObjectStore`, run in memory, on the adapter over the embedded server, and on a real bucket. */
export const objectStoreContract = (name: string, makeStore: () => Promise<StoreUnderTest>): void => {
  describe(`object store contract: ${name}`, () => {
    let under: StoreUnderTest;
    let count = 0;
    beforeAll(async () => {
      under = await makeStore();
    });
    afterAll(async () => {
      await under.close?.();
    });

    const fresh = (suffix = ''): GsUri => ({ bucket: under.bucket, name: `${under.root}${(count += 1)}${suffix}` });
    const put = async (uri: GsUri, text: string): Promise<ObjectInfo> =>
      written(await under.store.write(uri, text, { ifGenerationMatch: '0' }));
    const listAll = async (options: Omit<Parameters<ObjectStore['list']>[0], 'bucket'>): Promise<ObjectPage[]> => {
      const pages: ObjectPage[] = [];
      let pageToken: string | undefined;
      do {
        const page = await under.store.list({ bucket: under.bucket, ...options, ...(pageToken && { pageToken }) });
        pages.push(page);
        pageToken = page.nextPageToken;
      } while (pageToken !== undefined);
      return pages;
    };

    describe('write', () => {
      test('returns what was stored', async () => {
        const uri = fresh();
        const metadata = { state: 'claimed', 'Mixed-Case': 'as given', note: 'zł 🎓' };
        const info = written(await under.store.write(uri, '123456789', { ifGenerationMatch: '0', metadata }));
        expect(info).toMatchObject({ ...uri, size: 9, crc32c: '4waSgw==', metadata });
        expect(info.generation).toMatch(/^\d+$/);
        expect(new Date(info.timeCreated).toISOString().slice(0, 10)).toBe(info.timeCreated.slice(0, 10));
      });

      test('with generation 0 requires that there is no object', async () => {
        const uri = fresh();
        await put(uri, 'one');
        expect(await under.store.write(uri, 'two', { ifGenerationMatch: '0' })).toBe('conflict');
        expect(await under.store.read(uri)).toMatchObject({ text: 'one' });
      });

      test('replaces the given generation, and returns a newer one', async () => {
        const uri = fresh();
        const one = await put(uri, 'one');
        const two = written(await under.store.write(uri, 'two', { ifGenerationMatch: one.generation }));
        expect(compareGenerations(two.generation, one.generation)).toBe(1);
        expect(await under.store.write(uri, 'three', { ifGenerationMatch: one.generation })).toBe('conflict');
        expect(await under.store.read(uri)).toMatchObject({ text: 'two', info: { generation: two.generation } });
      });

      test('with a generation is a conflict if there is no object', async () => {
        expect(await under.store.write(fresh(), 'x', { ifGenerationMatch: '1' })).toBe('conflict');
      });

      test('replaces the metadata along with the text', async () => {
        const uri = fresh();
        const options = { ifGenerationMatch: '0', metadata: { old: '1' } };
        const one = written(await under.store.write(uri, 'one', options));
        const two = written(await under.store.write(uri, 'two', { ifGenerationMatch: one.generation }));
        expect(two.metadata).toEqual({});
      });

      test('succeeds for one of many concurrent writers', async () => {
        const uri = fresh();
        const writers = Array.from({ length: 20 }, (_, index) =>
          under.store.write(uri, `${index}`, { ifGenerationMatch: '0' }),
        );
        const results = await Promise.all(writers);
        const winners = results.flatMap((result, index) => (result === 'conflict' ? [] : [`${index}`]));
        expect(winners).toHaveLength(1);
        expect(await under.store.read(uri)).toMatchObject({ text: winners[0] });
      });
    });

    describe('read', () => {
      test('of an absent object is null', async () => {
        expect(await under.store.read(fresh())).toBeNull();
        expect(await under.store.read(fresh(), { ifGenerationNotMatch: '1' })).toBeNull();
      });

      test('returns the generation that was read', async () => {
        const uri = fresh();
        const { bucket, name: objectName, generation, size, crc32c } = await put(uri, 'text');
        const found = await under.store.read(uri);
        expect(found).toMatchObject({ text: 'text', info: { bucket, name: objectName, generation, size, crc32c } });
      });

      test('of a known generation is unchanged, until there is a newer one', async () => {
        const uri = fresh();
        const one = await put(uri, 'one');
        expect(await under.store.read(uri, { ifGenerationNotMatch: one.generation })).toBe('unchanged');
        const two = written(await under.store.write(uri, 'two', { ifGenerationMatch: one.generation }));
        const found = await under.store.read(uri, { ifGenerationNotMatch: one.generation });
        expect(found).toMatchObject({ text: 'two', info: { generation: two.generation } });
      });

      test.each([
        ['empty', ''],
        ['an API error', '{"error":{"code":404,"message":"not what it seems","errors":[]}}'],
        ['a placeholder of the client library', '{{projectId}}'],
        ['characters of several bytes', 'zł, 学, 🎓, \u2028'],
        ['line ends of multipart bodies', '\r\n--\r\n--boundary\r\n\r\n'],
        ['a large text', 'x'.repeat(3_000_000)],
      ])('returns a text that is %s', async (_, text) => {
        const uri = fresh();
        await put(uri, text);
        expect(await under.store.read(uri)).toMatchObject({ text, info: { size: Buffer.byteLength(text) } });
      });

      test.each([' a b', '?a=b&c#d', '%2F%', 'ä/学/🎓', "it's/(a)[b]{c}*!", 'a//b', '{{projectId}}', ':a+b;c,d@e$'])(
        'knows the name %s',
        async (suffix) => {
          const uri = fresh(suffix);
          const { name: objectName } = await put(uri, suffix);
          expect(objectName).toBe(uri.name);
          expect(await under.store.read(uri)).toMatchObject({ text: suffix, info: { name: uri.name } });
          const page = await under.store.list({ bucket: under.bucket, prefix: uri.name });
          expect(page.objects.map((object) => object.name)).toEqual([uri.name]);
        },
      );
    });

    describe('stream', () => {
      test('of an absent object is null', async () => {
        expect(await under.store.stream(fresh())).toBeNull();
      });

      test('returns the bytes and their generation', async () => {
        const uri = fresh();
        const text = Array.from({ length: 50_000 }, (_, line) => `gs://bucket/${line}\n`).join('');
        const { generation, size, crc32c } = await put(uri, text);
        const stream = await under.store.stream(uri);
        expect(stream?.info).toMatchObject({ ...uri, generation, size, crc32c });
        expect(await collect(stream?.body ?? (async function* () {})())).toBe(text);
      });

      test('need not be read to the end, and the store stays usable', async () => {
        const uri = fresh();
        await put(uri, 'y'.repeat(2_000_000));
        const streams = await Promise.all(Array.from({ length: 4 }, () => under.store.stream(uri)));
        const others = Array.from({ length: 20 }, () => under.store.read(uri));
        for (const stream of streams) for await (const chunk of stream?.body ?? []) if (chunk.length > 0) break;
        for (const found of await Promise.all(others)) expect(found).toMatchObject({ info: { size: 2_000_000 } });
      });
    });

    describe('list', () => {
      const names = ['a', 'a/1', 'a/2', 'a/2/x', 'b', 'b/1', 'c', '～', '🎓'];
      let root = '';
      beforeAll(async () => {
        root = `${under.root}list/`;
        for (const each of names) await put({ bucket: under.bucket, name: root + each }, each);
      });
      const short = (pages: readonly ObjectPage[]): string[] =>
        pages.flatMap(({ objects }) => objects.map((object) => object.name.slice(root.length)));

      test('returns what a write returned', async () => {
        const uri = fresh();
        const info = written(
          await under.store.write(uri, 'x', { ifGenerationMatch: '0', metadata: { a: 'b', 'C-d': 'e' } }),
        );
        const page = await under.store.list({ bucket: under.bucket, prefix: uri.name });
        expect(page).toEqual({ objects: [info], prefixes: [] });
      });

      test('is in UTF-8 order', async () => {
        expect(short(await listAll({ prefix: root }))).toEqual(names);
      });

      test.each([1, 2, 3, 8, 9, 1000])('in pages of %i returns all', async (maxResults) => {
        const pages = await listAll({ prefix: root, maxResults });
        expect(short(pages)).toEqual(names);
        for (const page of pages) expect(page.objects.length).toBeLessThanOrEqual(maxResults);
      });

      test('without a match is one empty page', async () => {
        expect(await listAll({ prefix: `${root}nothing` })).toEqual([{ objects: [], prefixes: [] }]);
      });

      test('starts at an offset and ends before another', async () => {
        const pages = await listAll({ prefix: root, startOffset: `${root}a/2`, endOffset: `${root}c` });
        expect(short(pages)).toEqual(['a/2', 'a/2/x', 'b', 'b/1']);
      });

      test.each([1, 2, 1000])('with a delimiter combines names, in pages of %i', async (maxResults) => {
        const pages = await listAll({ prefix: root, delimiter: '/', maxResults });
        expect(short(pages)).toEqual(['a', 'b', 'c', '～', '🎓']);
        expect(pages.flatMap(({ prefixes }) => prefixes)).toEqual([`${root}a/`, `${root}b/`]);
        for (const { objects, prefixes } of pages) {
          expect(objects.length + prefixes.length).toBeLessThanOrEqual(maxResults);
        }
      });
    });

    describe('a signal', () => {
      test('that has aborted ends every call with DeadlineError', async () => {
        const signal = AbortSignal.abort();
        const uri = fresh();
        await expect(under.store.read(uri, { signal })).rejects.toThrow(DeadlineError);
        await expect(under.store.stream(uri, { signal })).rejects.toThrow(DeadlineError);
        await expect(under.store.list({ bucket: uri.bucket, signal })).rejects.toThrow(DeadlineError);
        await expect(under.store.write(uri, '', { ifGenerationMatch: '0', signal })).rejects.toThrow(DeadlineError);
        expect(await under.store.read(uri)).toBeNull();
      });
    });
  });
};
