import { describe, expect, test } from 'vitest';
import { listUpdates } from '../../src/rounds/listing.ts';
import type { ListOptions, ObjectStore } from '../../src/storage/port.ts';
import { hasObjects } from '../../src/storage/port.ts';
import { parseUploadPattern } from '../../src/values/object-pattern.ts';
import { createMemoryStore } from '../helpers/memory-store.ts';

const UPLOADS = parseUploadPattern('gs://uploads/tasksJobs/{taskId}/{jobId}.zip');

const setUp = (names: readonly string[]) => {
  const store = createMemoryStore({ now: () => new Date(0) });
  for (const name of names) store.put({ bucket: 'uploads', name }, 'zip');
  const calls: ListOptions[] = [];
  let [underWay, most] = [0, 0];
  const counting: ObjectStore = {
    ...store,
    list: async (options) => {
      calls.push(options);
      underWay += 1;
      most = Math.max(most, underWay);
      await Promise.resolve();
      underWay -= 1;
      return store.list(options);
    },
  };
  return { store, counting, calls, most: () => most };
};
const idsOf = async (store: ObjectStore): Promise<readonly string[]> =>
  (await listUpdates(store, { uploads: UPLOADS, taskIdPrefix: '' }, 't')).map(({ jobId }) => jobId).toSorted();
/** Cloud Storage may answer a page without objects, with a token of where to go on: here before every other page. */
const withEmptyPages = (store: ObjectStore): ObjectStore => ({
  ...store,
  list: async ({ pageToken = '', ...options }) => {
    const next = (token = ''): { nextPageToken: string } => ({ nextPageToken: `empty:${token}` });
    if (!pageToken.startsWith('empty:')) return { objects: [], prefixes: [], ...next(pageToken) };
    const token = pageToken.slice('empty:'.length);
    const { nextPageToken, ...page } = await store.list({ ...options, ...(token !== '' && { pageToken: token }) });
    return nextPageToken === undefined ? page : { ...page, nextPageToken };
  },
});
const uuid = (index: number): string =>
  `${((index * 2_654_435_761) % 2 ** 32).toString(16).padStart(8, '0')}-0000-4000-8000-000000000000`;

describe('listing a task', () => {
  test('up to a page is one call', async () => {
    const { counting, calls } = setUp(['tasksJobs/t/a.zip', 'tasksJobs/t/b.zip', 'tasksJobs/tt/c.zip']);
    expect(await idsOf(counting)).toEqual(['a', 'b']);
    expect(calls).toEqual([{ bucket: 'uploads', prefix: 'tasksJobs/t/' }]);
  });

  test('more is listed in ranges side by side, each name once', async () => {
    const ids = Array.from({ length: 12_000 }, (_, index) => uuid(index));
    const { counting, calls, most } = setUp(ids.map((id) => `tasksJobs/t/${id}.zip`));
    expect(await idsOf(counting)).toEqual(ids.toSorted());
    expect(most()).toBeGreaterThan(8);
    expect(calls.length).toBeLessThan(12 + 16 + 2);
  });

  test.each([1, 2, 1500])('an empty page before %s names is not the end', async (count) => {
    const ids = Array.from({ length: count }, (_, index) => uuid(index));
    const { store } = setUp(ids.map((id) => `tasksJobs/t/${id}.zip`));
    const sparse = withEmptyPages(store);
    expect(await idsOf(sparse)).toEqual(ids.toSorted());
    expect(await hasObjects(sparse, { bucket: 'uploads', prefix: 'tasksJobs/t/' })).toBe(true);
    expect(await hasObjects(sparse, { bucket: 'uploads', prefix: 'tasksJobs/none/' })).toBe(false);
  });

  test.each([
    ['before the digits', (index: number) => `!${index}`],
    ['after the digits', (index: number) => `z${index}`],
    ['beyond ASCII', (index: number) => `\u{1F600}${index}`],
    ['all in one digit', (index: number) => `7${index}`],
  ])('names %s are found as well', async (_, name) => {
    const ids = Array.from({ length: 2500 }, (__, index) => name(index));
    const { counting } = setUp(ids.map((id) => `tasksJobs/t/${id}.zip`));
    expect(await idsOf(counting)).toEqual(ids.toSorted());
  });

  test('what does not match is left out; an empty or unlistable one is invalid', async () => {
    const { store } = setUp([
      'tasksJobs/t/a.zip',
      'tasksJobs/t/a.txt',
      'tasksJobs/t/deep/a.zip',
      'tasksJobs/t/new\nline.zip',
    ]);
    store.put({ bucket: 'uploads', name: 'tasksJobs/t/empty.zip' }, '');
    const found = await listUpdates(store, { uploads: UPLOADS, taskIdPrefix: '' }, 't');
    expect(found.map(({ jobId, problem }) => [jobId, problem])).toEqual([
      ['a', null],
      ['empty', 'empty'],
      ['new\nline', expect.any(String)],
    ]);
  });
});
