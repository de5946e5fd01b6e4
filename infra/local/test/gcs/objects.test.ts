import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { Api } from './api.ts';
import { at, makeFolder, startApi, upload } from './api.ts';

const notFound = { error: { code: 404, errors: [{ reason: 'notFound', domain: 'global' }] } };
const conditionNotMet = { error: { code: 412, errors: [{ reason: 'conditionNotMet', domain: 'global' }] } };

describe.each([
  ['in memory', () => ({})],
  ['in a folder', () => ({ dataDir: makeFolder() })],
])('objects, %s', (_, options) => {
  test('an upload is answered with the object resource', async () => {
    const api = await startApi({ ...options(), now: () => new Date('2026-01-02T03:04:05.678Z') });
    const { json } = await api.send('POST', upload('a/b ü.txt'), '123456789', { 'content-type': 'text/plain' });
    expect(json).toEqual({
      kind: 'storage#object',
      id: 'bkt/a/b ü.txt/1767323045678000',
      selfLink: `${api.url}/storage/v1/b/bkt/o/a%2Fb%20%C3%BC.txt`,
      mediaLink: `${api.url}/download/storage/v1/b/bkt/o/a%2Fb%20%C3%BC.txt?generation=1767323045678000&alt=media`,
      name: 'a/b ü.txt',
      bucket: 'bkt',
      generation: '1767323045678000',
      metageneration: '1',
      storageClass: 'STANDARD',
      contentType: 'text/plain',
      size: '9',
      md5Hash: 'JfnnlDI7RTiF9RgfG2JNCw==',
      crc32c: '4waSgw==',
      etag: json['etag'],
      timeCreated: '2026-01-02T03:04:05.678Z',
      updated: '2026-01-02T03:04:05.678Z',
      timeStorageClassUpdated: '2026-01-02T03:04:05.678Z',
      timeFinalized: '2026-01-02T03:04:05.678Z',
    });
    expect((await api.send('GET', at('a/b ü.txt'))).json).toEqual(json);
  });

  test('generations increase even while the clock stands still', async () => {
    const api = await startApi({ ...options(), now: () => new Date(0) });
    const generations: number[] = [];
    for (const name of ['a', 'a', 'b', 'a']) generations.push(Number(await api.put(name, '')));
    expect(generations).toEqual([1, 2, 3, 4]);
  });

  test('a download has the bytes and the x-goog headers', async () => {
    const api = await startApi(options());
    const generation = await api.put('f', '123456789');
    for (const path of [`${at('f')}?alt=media`, '/download/storage/v1/b/bkt/o/f?alt=media']) {
      const { status, text, headers } = await api.send('GET', path);
      expect({ status, text }).toEqual({ status: 200, text: '123456789' });
      expect(Object.fromEntries(headers)).toMatchObject({
        'content-length': '9',
        'x-goog-generation': generation,
        'x-goog-metageneration': '1',
        'x-goog-hash': 'crc32c=4waSgw==,md5=JfnnlDI7RTiF9RgfG2JNCw==',
        'x-goog-stored-content-length': '9',
        'x-goog-stored-content-encoding': 'identity',
      });
    }
  });

  test.each([10, 300_000])('a range of %i bytes', async (size) => {
    const api = await startApi(options());
    const bytes = Buffer.from(Array.from({ length: size }, (__, index) => index % 251));
    await api.put('f', bytes);
    async function range(value: string) {
      const response = await fetch(`${api.url}${at('f')}?alt=media`, { headers: { range: value } });
      const body = Buffer.from(await response.arrayBuffer());
      return { status: response.status, body, range: response.headers.get('content-range') };
    }
    expect(await range('bytes=2-4')).toEqual({ status: 206, body: bytes.subarray(2, 5), range: `bytes 2-4/${size}` });
    const tail = { status: 206, body: bytes.subarray(size - 3), range: `bytes ${size - 3}-${size - 1}/${size}` };
    expect(await range('bytes=-3')).toEqual(tail);
    expect(await range(`bytes=${size}-`)).toMatchObject({ status: 416, range: `bytes */${size}` });
    expect((await range('bytes=0-')).body.equals(bytes)).toBe(true);
  });

  test('a large object comes back as it was', async () => {
    const api = await startApi(options());
    const bytes = Buffer.alloc(5_000_000, 'some text that is repeated ');
    await api.put('large', bytes);
    const { json } = await api.send('GET', at('large'));
    expect(json).toMatchObject({ size: '5000000', md5Hash: createHash('md5').update(bytes).digest('base64') });
    const response = await fetch(`${api.url}${at('large')}?alt=media`);
    expect(Buffer.from(await response.arrayBuffer()).equals(bytes)).toBe(true);
  });

  test('a generation that is no longer live is not found', async () => {
    const api = await startApi(options());
    const old = await api.put('f', 'old');
    const now = await api.put('f', 'new');
    expect((await api.send('GET', `${at('f')}?generation=${now}&alt=media`)).text).toBe('new');
    expect(await api.send('GET', `${at('f')}?generation=${old}`)).toMatchObject({ status: 404, json: notFound });
    expect((await api.send('DELETE', `${at('f')}?generation=${old}`)).status).toBe(404);
  });

  test('a deleted object is gone, and answered with 204', async () => {
    const api = await startApi(options());
    await api.put('f', 'x'.repeat(100_000));
    expect(await api.send('DELETE', at('f'))).toMatchObject({ status: 204, text: '' });
    expect(await api.send('GET', at('f'))).toMatchObject({ status: 404, json: notFound });
    expect(await api.send('DELETE', at('f'))).toMatchObject({ status: 404, json: notFound });
  });

  test('a patch lays fields over the object, null takes one away, and the metageneration grows', async () => {
    const api = await startApi(options());
    const generation = await api.put('f', 'text');
    function patch(body: unknown) {
      return api.send('PATCH', at('f'), JSON.stringify(body));
    }
    await patch({ contentType: 'a/b', metadata: { one: '1', two: '2' }, generation: 'ignored' });
    const { json } = await patch({ cacheControl: 'no-store', metadata: { one: null, three: '3' } });
    const after = { contentType: 'a/b', cacheControl: 'no-store', metadata: { two: '2', three: '3' } };
    expect(json).toMatchObject({ ...after, generation, metageneration: '3' });
    expect((await patch({ metadata: null, contentType: null })).json).not.toHaveProperty('metadata');
    expect((await api.send('GET', `${at('f')}?alt=media`)).text).toBe('text');
  });

  test('a rewrite makes an object with the same bytes', async () => {
    const api = await startApi({ ...options(), buckets: ['bkt', 'other'] });
    for (const text of ['small', 'large'.repeat(50_000)]) {
      await api.put('from', text);
      await api.send('PATCH', at('from'), '{"contentType":"a/b","metadata":{"k":"v"}}');
      const { json } = await api.send('POST', `${at('from')}/rewriteTo/b/other/o/to%2F1`, '{}');
      const kept = { bucket: 'other', name: 'to/1', metadata: { k: 'v' }, contentType: 'a/b', metageneration: '1' };
      expect(json).toMatchObject({ kind: 'storage#rewriteResponse', done: true, resource: kept });
      const copied = await api.send('POST', `${at('from')}/rewriteTo/b/bkt/o/to`, '{"contentType":"c/d"}');
      expect(copied.json).toMatchObject({ resource: { name: 'to', contentType: 'c/d' } });
      expect(copied.json).not.toHaveProperty('resource.metadata');
      await api.send('DELETE', at('from'));
      expect((await api.send('GET', '/storage/v1/b/other/o/to%2F1?alt=media')).text).toBe(text);
      expect((await api.send('GET', `${at('to')}?alt=media`)).text).toBe(text);
    }
  });
});

describe('preconditions hold on every verb', () => {
  const verbs: readonly [string, (api: Api, query: string) => Promise<{ status: number }>][] = [
    ['media upload', (api, query) => api.send('POST', `${upload('f')}&${query}`, 'new')],
    [
      'multipart upload',
      (api, query) =>
        api.send(
          'POST',
          `/upload/storage/v1/b/bkt/o?uploadType=multipart&${query}`,
          '--x\r\n\r\n{"name":"f"}\r\n--x\r\n\r\nnew\r\n--x--',
          { 'content-type': 'multipart/related; boundary=x' },
        ),
    ],
    [
      'start of a resumable upload',
      (api, query) => api.send('POST', `/upload/storage/v1/b/bkt/o?uploadType=resumable&name=f&${query}`),
    ],
    ['patch', (api, query) => api.send('PATCH', `${at('f')}?${query}`, '{}')],
    ['rewrite', (api, query) => api.send('POST', `${at('source')}/rewriteTo/b/bkt/o/f?${query}`, '{}')],
    ['delete', (api, query) => api.send('DELETE', `${at('f')}?${query}`)],
  ];

  test.each(verbs)('%s', async (_, run) => {
    const api = await startApi();
    await api.put('source', 's');
    const generation = await api.put('f', 'old');
    for (const failing of [
      'ifGenerationMatch=1',
      'ifGenerationMatch=0',
      `ifGenerationNotMatch=${generation}`,
      'ifMetagenerationMatch=2',
      'ifMetagenerationNotMatch=1',
    ]) {
      expect(await run(api, failing)).toMatchObject({ status: 412, json: conditionNotMet });
    }
    expect((await api.send('GET', `${at('f')}?alt=media`)).text).toBe('old');
    const met = await run(api, `ifGenerationMatch=${generation}&ifMetagenerationMatch=1`);
    expect([200, 204]).toContain(met.status);
  });

  test.each([
    ['metadata', ''],
    ['media', '&alt=media'],
  ])('get of %s: a not-match is 304', async (_, alt) => {
    const api = await startApi();
    const generation = await api.put('f', 'old');
    function get(query: string) {
      return api.send('GET', `${at('f')}?${query}${alt}`);
    }
    expect(await get(`ifGenerationNotMatch=${generation}`)).toMatchObject({ status: 304, text: '' });
    expect(await get('ifMetagenerationNotMatch=1')).toMatchObject({ status: 304, text: '' });
    expect((await get('ifGenerationMatch=1')).status).toBe(412);
    expect((await get(`ifGenerationMatch=${generation}&ifGenerationNotMatch=1`)).status).toBe(200);
  });

  test('a rewrite has those of its source, too', async () => {
    const api = await startApi();
    const generation = await api.put('source', 's');
    function run(query: string) {
      return api.send('POST', `${at('source')}/rewriteTo/b/bkt/o/f?${query}`, '{}');
    }
    expect((await run('ifSourceGenerationMatch=1')).status).toBe(412);
    expect((await run(`ifSourceGenerationNotMatch=${generation}`)).status).toBe(412);
    expect((await run('sourceGeneration=1')).status).toBe(404);
    expect((await run(`ifSourceGenerationMatch=${generation}&ifGenerationMatch=0`)).status).toBe(200);
  });

  test('of many creations at once one succeeds', async () => {
    const api = await startApi();
    const tries = Array.from({ length: 30 }, (_, index) =>
      api.send('POST', `${upload('f')}&ifGenerationMatch=0`, `${index}`.repeat(index * 1000)),
    );
    const statuses = (await Promise.all(tries)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    expect(statuses.filter((status) => status === 412)).toHaveLength(29);
  });
});
