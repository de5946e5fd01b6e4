import { randomBytes } from 'node:crypto';
import { Storage } from '@google-cloud/storage';
import { expect, test } from 'vitest';
import { makeFolder, startApi } from './api.ts';

async function start() {
  const requests: string[] = [];
  function faults({ method, path }: { method: string; path: string }) {
    return void requests.push(`${method} ${path}`);
  }
  const api = await startApi({ faults, dataDir: makeFolder() });
  const storage = new Storage({ apiEndpoint: api.url, projectId: 'p', retryOptions: { autoRetry: false } });
  return { requests, storage, bucket: storage.bucket('bkt') };
}

// The calls of a recorded session of @google-cloud/storage 8.4.0, each with what it gave.
test('buckets: create, list, exists, delete', async () => {
  const { storage } = await start();
  await storage.createBucket('another');
  const [buckets] = await storage.getBuckets();
  expect(buckets.map(({ name }) => name)).toEqual(['another', 'bkt']);
  expect(await storage.bucket('nope').exists()).toEqual([false]);
  await storage.bucket('another').delete();
  expect(await storage.bucket('another').exists()).toEqual([false]);
});

test('save as a resumable upload, as a multipart one, and with a precondition that fails', async () => {
  const { bucket, requests } = await start();
  await bucket.file('n/a.txt').save('hello', { contentType: 'text/plain' });
  expect(requests.at(-1)).toMatch(/^PUT \/upload\/storage\/v1\/b\/bkt\/o\?uploadType=resumable&upload_id=/);
  const metadata = { metadata: { k: 'v' } };
  await bucket.file('n/b.txt').save('world', { resumable: false, contentType: 'text/plain', metadata });
  for (const resumable of [true, false]) {
    const save = bucket.file('n/b.txt').save('x', { resumable, preconditionOpts: { ifGenerationMatch: 0 } });
    await expect(save).rejects.toMatchObject({ code: 412 });
  }
  const [info] = await bucket.file('n/b.txt').getMetadata();
  expect(info).toMatchObject({ size: '5', contentType: 'text/plain', metadata: { k: 'v' } });
  expect((await bucket.file('n/a.txt').download()).toString()).toBe('hello');
});

test('an upload in chunks, and a download in full and in part', async () => {
  const { bucket, requests } = await start();
  const bytes = randomBytes(3 * 262_144 + 17);
  await bucket.file('big').save(bytes, { resumable: true, chunkSize: 262_144 });
  expect(requests.filter((line) => line.startsWith('PUT '))).toHaveLength(4);
  const [all] = await bucket.file('big').download({ validation: 'crc32c' });
  expect(all.equals(bytes)).toBe(true);
  const [part] = await bucket.file('big').download({ start: 1000, end: 300_000 });
  expect(part.equals(bytes.subarray(1000, 300_001))).toBe(true);
});

test('metadata, copy, rename and delete with preconditions', async () => {
  const { bucket } = await start();
  const file = bucket.file('n/b.txt');
  await file.save('text', { resumable: false });
  await file.setMetadata({ metadata: { q: '1' } }, { ifMetagenerationMatch: 1 });
  await expect(file.setMetadata({ metadata: { q: '2' } }, { ifMetagenerationMatch: 1 })).rejects.toMatchObject({
    code: 412,
  });
  await file.copy(bucket.file('n/c.txt'));
  await file.move('n/d.txt');
  const [files] = await bucket.getFiles({ prefix: 'n/' });
  expect(files.map(({ name }) => name)).toEqual(['n/c.txt', 'n/d.txt']);
  const copy = bucket.file('n/c.txt');
  await expect(copy.delete({ ifGenerationMatch: 5 })).rejects.toMatchObject({ code: 412 });
  await copy.delete();
  expect(await copy.exists()).toEqual([false]);
});

test('listing in pages, with an offset and with a delimiter', async () => {
  const { bucket } = await start();
  for (const name of ['a', 'n/1', 'n/2', 'n/3', 'z/']) await bucket.file(name).save(name, { resumable: false });
  async function namesOf(query: object) {
    return (await bucket.getFiles(query))[0].map(({ name }) => name);
  }
  const paged: string[] = [];
  let query: object | null = { maxResults: 2, autoPaginate: false };
  while (query !== null) {
    const [files, next]: [{ name: string }[], object | null, ...unknown[]] = await bucket.getFiles(query);
    paged.push(...files.map(({ name }) => name));
    query = next;
  }
  expect(paged).toEqual(['a', 'n/1', 'n/2', 'n/3', 'z/']);
  expect(await namesOf({ prefix: 'n/', startOffset: 'n/2' })).toEqual(['n/2', 'n/3']);
  const [, , answer] = await bucket.getFiles({ delimiter: '/', autoPaginate: false });
  expect(answer).toMatchObject({ items: [{ name: 'a' }], prefixes: ['n/', 'z/'] });
});

test('an object that does not exist', async () => {
  const { bucket } = await start();
  await expect(bucket.file('nope').download()).rejects.toMatchObject({ code: 404 });
  await expect(bucket.file('nope').getMetadata()).rejects.toMatchObject({ code: 404 });
});
