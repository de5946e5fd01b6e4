import { describe, expect, test } from 'vitest';
import { checkCheckpointList } from '../../src/runs/checkpoint-list.ts';
import type { ObjectStore } from '../../src/storage/port.ts';
import { parseGsUri } from '../../src/storage/uri.ts';
import { createMemoryStore } from '../helpers/memory-store.ts';

const URI = 'gs://models/list.txt';
const ALLOWED = { namespaces: [], images: [], buckets: ['models'] };

const check = (content: string | Uint8Array | null) => {
  const store = createMemoryStore({ now: () => new Date(0) });
  if (content !== null) store.put(parseGsUri(URI), content);
  return checkCheckpointList(store, URI, ALLOWED);
};

describe('a good list', () => {
  test.each([
    ['one line without an end', 'gs://models/a', 1, 0],
    ['line ends', 'gs://models/a\ngs://models/b\n', 2, 0],
    ['CRLF', 'gs://models/a\r\ngs://models/b.zip\r\n', 2, 1],
    ['a byte order mark', '\uFEFFgs://models/a\n', 1, 0],
    ['empty lines at its end', 'gs://models/a\n\n\n', 1, 0],
    ['names beyond ASCII', 'gs://models/ä/日本\n', 1, 0],
  ])('may have %s', async (_name, content, updates, bundles) => {
    expect(await check(content)).toMatchObject({ updates, bundles });
  });
});

describe('a faulty list is told with its line', () => {
  test.each([
    ['absent', null, 'does not exist; upload the list first'],
    ['empty', '', 'is empty'],
    ['only line ends', '\n\r\n', 'is empty'],
    ['a header', 'path\ngs://models/a\n', 'line 1: "path" is not a gs:// path'],
    ['a local path', 'gs://models/a\n/data/b\n', 'line 2: "/data/b" is not a gs:// path'],
    ['an empty line before others', 'gs://models/a\n\ngs://models/b\n', 'line 2: is empty'],
    ['a foreign bucket', 'gs://models/a\ngs://mine/b\n', 'line 2: bucket "mine" is not allowed'],
    ['a bucket alone', 'gs://models\n', 'line 1: "gs://models" is incomplete: there is no object name'],
    ['spaces around', 'gs://models/a \n', 'line 1: "gs://models/a " is a path with spaces around it'],
    ['dot segments', 'gs://models/../a\n', 'line 1'],
    ['two columns', 'gs://models/a\tgs://models/b\n', 'line 1: "gs://models/a\tgs://models/b" is a path with control'],
    ['a comma', 'gs://models/a\ngs://models/b,c\n', 'line 2: contains a comma'],
    ['a double quote', 'gs://models/"a"\n', 'line 1: contains a double quote'],
    ['an update twice', 'gs://models/a\ngs://models/b\ngs://models/a\n', 'line 3: is the same update as line 1'],
    ['bytes that are not UTF-8', Uint8Array.from([...Buffer.from('gs://models/'), 0xff, 0x0a]), 'line 1'],
    ['a line without an end', 'x'.repeat(5_000), 'line 1'],
  ])('%s', async (_name, content, words) => {
    await expect(check(content)).rejects.toThrow(words);
  });
});

/** A list of `lines` lines in chunks that split lines anywhere; remembers how much of it was asked for. */
const streamOf = (lines: number, chunkBytes: number) => {
  const seen = { chunks: 0 };
  const body = async function* () {
    let rest = '';
    for (let line = 0; line < lines || rest !== '';) {
      while (line < lines && rest.length < chunkBytes) rest += `gs://models/tasksJobs/mnist/${line++}.zip\n`;
      seen.chunks += 1;
      yield Buffer.from(rest.slice(0, chunkBytes));
      rest = rest.slice(chunkBytes);
    }
  };
  const info = {
    bucket: 'models',
    name: 'list.txt',
    generation: '7',
    size: 0,
    timeCreated: '',
    crc32c: '',
    metadata: {},
  };
  const unused = () => Promise.reject(new Error('not called'));
  const store: ObjectStore = {
    read: unused,
    write: unused,
    list: unused,
    stream: async () => ({ info, body: body() }),
  };
  return { store, seen };
};

test('a list of 100,000 lines is read as a stream', async () => {
  const { store, seen } = streamOf(100_000, 1_000);
  const list = await checkCheckpointList(store, URI, ALLOWED);
  expect(list).toEqual({ updates: 100_000, bundles: 100_000, generation: '7' });
  expect(seen.chunks).toBeGreaterThan(3_000);
});

test('reading ends at the first fault', async () => {
  const { store, seen } = streamOf(100_000, 1_000);
  await expect(checkCheckpointList(store, URI, { ...ALLOWED, buckets: ['other'] })).rejects.toThrow('line 1');
  expect(seen.chunks).toBe(1);
});
