import { request } from 'node:http';
import { gzipSync } from 'node:zlib';
import { describe, expect, test, vi } from 'vitest';
import type { Api } from './api.ts';
import { at, makeFolder, startApi, upload } from './api.ts';

const badRequest = { error: { code: 400, errors: [{ domain: 'global' }] } };
const multipart = '/upload/storage/v1/b/bkt/o?uploadType=multipart';
const related = { 'content-type': "multipart/related; boundary='=='" };

function mime(metadata: string, body: string): string {
  return `--==\nContent-Type: application/json\nMIME-Version: 1.0\n\n${metadata}\n--==\nContent-Type: text/plain\n\n${body}\n--==--`;
}

async function session(api: Api, query = '', body = '{}', path = '/upload'): Promise<string> {
  const answer = await api.send('POST', `${path}/storage/v1/b/bkt/o?uploadType=resumable&${query}`, body);
  expect(answer.status).toBe(200);
  return answer.headers.get('location') ?? '';
}

function put(api: Api, location: string, contentRange: string | null, body = '') {
  return api.send('PUT', location, body, contentRange === null ? {} : { 'content-range': contentRange });
}

describe('single-request uploads', () => {
  test('multipart: the metadata part names and describes the object', async () => {
    const api = await startApi();
    const metadata = '{"name":"dir/f.txt","bucket":"bkt","metadata":{"k":"v"},"cacheControl":"no-store"}';
    const { json } = await api.send('POST', multipart, mime(metadata, 'hello\n'), related);
    expect(json).toMatchObject({ name: 'dir/f.txt', size: '6', metadata: { k: 'v' }, contentType: 'text/plain' });
    expect((await api.send('GET', `${at('dir/f.txt')}?alt=media`)).headers.get('cache-control')).toBe('no-store');
  });

  test('a hash of the client that does not fit is refused, and nothing is stored', async () => {
    const api = await startApi();
    const crc32c = '4waSgw==';
    const md5Hash = 'JfnnlDI7RTiF9RgfG2JNCw==';
    function send(metadata: object, body: string) {
      return api.send('POST', multipart, mime(JSON.stringify({ name: 'f', ...metadata }), body), related);
    }
    expect(await send({ crc32c }, '123456780')).toMatchObject({ status: 400, json: badRequest });
    expect(await send({ md5Hash }, '123456780')).toMatchObject({ status: 400, json: badRequest });
    const header = { 'x-goog-hash': `crc32c=${crc32c}` };
    expect((await api.send('POST', upload('f'), 'x', header)).status).toBe(400);
    expect((await api.send('POST', upload('f'), 'x', { 'content-md5': md5Hash })).status).toBe(400);
    expect((await api.send('GET', at('f'))).status).toBe(404);
    expect((await send({ crc32c, md5Hash }, '123456789')).status).toBe(200);
  });

  test.each([
    ['no name', '/upload/storage/v1/b/bkt/o?uploadType=media', 400],
    ['a name of more than 1024 bytes', upload('ä'.repeat(513)), 400],
    ['a line feed in the name', upload('a\nb'), 400],
    ['no upload type', '/upload/storage/v1/b/bkt/o?name=f', 400],
    ['a bucket that is not there', '/upload/storage/v1/b/nope/o?uploadType=media&name=f', 404],
    ['a parameter that would be ignored', `${upload('f')}&predefinedAcl=private`, 501],
  ])('%s is refused', async (_, path, status) => {
    const api = await startApi();
    expect(await api.send('POST', path, 'x')).toMatchObject({ status, json: { error: { code: status } } });
  });

  test('fields become headers of the download; one that cannot be is refused', async () => {
    const api = await startApi();
    function send(metadata: object) {
      return api.send('POST', multipart, mime(JSON.stringify({ name: 'f', ...metadata }), 'x'), related);
    }
    expect((await send({ contentDisposition: 'a\r\nb' })).status).toBe(400);
    const fields = {
      contentDisposition: 'attachment; filename="zł.txt"',
      contentLanguage: 'pl',
      storageClass: 'NEARLINE',
    };
    expect(await send(fields)).toMatchObject({ status: 200, json: fields });
    const { headers, status } = await api.send('GET', `${at('f')}?alt=media`);
    const disposition = Buffer.from(headers.get('content-disposition') ?? '', 'latin1').toString();
    expect({ status, disposition }).toEqual({ status: 200, disposition: fields.contentDisposition });
    expect(headers.get('x-goog-storage-class')).toBe('NEARLINE');
  });

  test('an object stored compressed is given as it is to who accepts that, and refused to others', async () => {
    const api = await startApi();
    await api.send('POST', `${upload('f')}&contentEncoding=gzip`, gzipSync('text'));
    function get(encoding: string) {
      return api.send('GET', `${at('f')}?alt=media`, undefined, { 'accept-encoding': encoding });
    }
    expect(await get('gzip')).toMatchObject({ status: 200, text: 'text' });
    expect((await get('identity')).status).toBe(501);
  });

  test('a field that would be ignored is refused with 501', async () => {
    const api = await startApi();
    const answer = await api.send('POST', multipart, mime('{"name":"f","temporaryHold":true}', ''), related);
    expect(answer).toMatchObject({ status: 501, text: expect.stringContaining('temporaryHold') });
  });

  test('an upload that breaks off stores nothing', async () => {
    const api = await startApi();
    const { hostname, port } = new URL(api.url);
    const sending = request({ hostname, port, path: upload('f'), method: 'POST', headers: { 'content-length': 100 } });
    sending.on('error', () => undefined);
    await new Promise((resolve) => sending.write('only a part', resolve));
    sending.destroy();
    expect(await api.put('other', '')).not.toBe('');
    expect((await api.send('GET', at('f'))).status).toBe(404);
  });
});

describe.each([
  ['in memory', () => ({})],
  ['in a folder', () => ({ dataDir: makeFolder() })],
])('resumable uploads, %s', (_, options) => {
  test.each([['bytes 0-*/*'], ['bytes 0-4/5'], [null]])('with Content-Range %s in one go', async (contentRange) => {
    const api = await startApi(options());
    const location = await session(api, 'name=n%2Ff');
    expect(await put(api, location, contentRange, 'hello')).toMatchObject({ status: 200, json: { name: 'n/f' } });
    expect((await api.send('GET', `${at('n/f')}?alt=media`)).text).toBe('hello');
  });

  test('of chunks', async () => {
    const api = await startApi(options());
    const location = await session(api, '', '{"name":"f","contentType":"a/b"}', '/resumable/upload');
    const chunk = 'c'.repeat(262_144);
    const first = await put(api, location, 'bytes 0-262143/*', chunk);
    expect(first).toMatchObject({ status: 308 });
    expect(first.headers.get('range')).toBe('bytes=0-262143');
    const second = await put(api, location, 'bytes 262144-524287/*', chunk);
    expect(second.headers.get('range')).toBe('bytes=0-524287');
    const last = await put(api, location, 'bytes 524288-524290/524291', 'end');
    expect(last).toMatchObject({ status: 200, json: { size: '524291', contentType: 'a/b' } });
    expect((await api.send('GET', `${at('f')}?alt=media`)).text).toBe(`${chunk}${chunk}end`);
  });

  test('tells how far it is, goes on from there, and tells its end', async () => {
    const api = await startApi(options());
    const location = await session(api, 'name=f');
    const none = await put(api, location, 'bytes */10');
    expect([none.status, none.headers.get('range')]).toEqual([308, null]);
    await put(api, location, 'bytes 0-3/*', '0123');
    const some = await put(api, location, 'bytes */*');
    expect([some.status, some.headers.get('range')]).toEqual([308, 'bytes=0-3']);
    // What was sent before may be sent again.
    expect((await put(api, location, 'bytes 2-9/10', '23456789')).status).toBe(200);
    expect(await put(api, location, 'bytes */10')).toMatchObject({ status: 200, json: { name: 'f', size: '10' } });
    expect((await api.send('GET', `${at('f')}?alt=media`)).text).toBe('0123456789');
  });

  test('ends by a status request when all has arrived', async () => {
    const api = await startApi(options());
    const location = await session(api, 'name=f');
    await put(api, location, 'bytes 0-3/*', '0123');
    expect(await put(api, location, 'bytes */4')).toMatchObject({ status: 200, json: { size: '4' } });
    expect(await put(api, await session(api, 'name=empty'), 'bytes */0')).toMatchObject({ json: { size: '0' } });
  });

  test('keeps what arrived of a request that broke off', async () => {
    const api = await startApi(options());
    const location = new URL(await session(api, 'name=f'));
    const headers = { 'content-range': 'bytes 0-9/10', 'content-length': 10 };
    const sending = request(location, { method: 'PUT', headers });
    sending.on('error', () => undefined);
    await new Promise((resolve) => sending.write('01234', resolve));
    sending.destroy();
    await vi.waitUntil(
      async () => {
        const { headers: answered } = await put(api, location.href, 'bytes */10');
        return answered.get('range') === 'bytes=0-4';
      },
      { timeout: 90_000 },
    );
    expect((await put(api, location.href, 'bytes 5-9/10', '56789')).status).toBe(200);
    expect((await api.send('GET', `${at('f')}?alt=media`)).text).toBe('0123456789');
  });
});

describe('resumable uploads', () => {
  test('answer 200 to clients that cannot take 308', async () => {
    const api = await startApi();
    const location = await session(api, 'name=f');
    const headers = { 'content-range': 'bytes 0-3/*', 'x-guploader-no-308': 'yes' };
    const answer = await api.send('PUT', location, '0123', headers);
    expect([answer.status, answer.headers.get('x-http-status-code-override')]).toEqual([200, '308']);
  });

  test('check their preconditions at the end, too', async () => {
    const api = await startApi();
    const location = await session(api, 'name=f&ifGenerationMatch=0');
    await api.put('f', 'somebody else');
    expect((await put(api, location, 'bytes 0-*/*', 'mine')).status).toBe(412);
    expect((await api.send('GET', `${at('f')}?alt=media`)).text).toBe('somebody else');
  });

  test('check their hashes at the end', async () => {
    const api = await startApi();
    const location = await session(api, 'name=f', '{"crc32c":"AAAAAA=="}');
    expect((await put(api, location, 'bytes 0-*/*', 'text')).status).toBe(400);
    expect((await api.send('GET', at('f'))).status).toBe(404);
  });

  test.each([
    ['a gap', 'bytes 5-9/10', '56789'],
    ['more than announced', 'bytes 0-9/5', '0123456789'],
    ['less than announced', 'bytes 0-9/10', '012'],
    ['what cannot be read', 'octets 0-9', '0123456789'],
  ])('refuse %s', async (_, contentRange, body) => {
    const api = await startApi();
    expect((await put(api, await session(api, 'name=f'), contentRange, body)).status).toBe(400);
    expect((await api.send('GET', at('f'))).status).toBe(404);
  });

  test('can be cancelled, and are unknown then', async () => {
    const api = await startApi();
    const location = await session(api, 'name=f');
    expect((await api.send('DELETE', location)).status).toBe(499);
    expect((await put(api, location, 'bytes 0-*/*', 'x')).status).toBe(404);
  });
});
