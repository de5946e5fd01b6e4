import { createConnection } from 'node:net';
import { describe, expect, test } from 'vitest';
import { MAX_BODY_BYTES } from '../../src/functions/front.ts';
import { startAggregate } from './world.ts';

/** What the server answers to `bytes` until it closes the connection, or until `isWhole`. */
const exchange = (port: number, bytes: string, isWhole: (text: string) => boolean = () => false): Promise<string> =>
  new Promise((resolve, reject) => {
    let text = '';
    const socket = createConnection(port, '127.0.0.1', () => socket.write(bytes));
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      text += chunk;
      if (isWhole(text)) socket.destroy();
    });
    socket.on('close', () => resolve(text));
    socket.on('error', reject);
  });

const request = (line: string, headers: readonly string[] = []): string =>
  [`${line} HTTP/1.1`, 'Host: x', 'Connection: close', ...headers, '', ''].join('\r\n');

describe('every answer on every path and method is a problem document', () => {
  test.each([
    ['OPTIONS *', 404],
    ['GET *', 404],
    ['GET x', 400],
    ['GET ftp://host/', 404],
    ['GET http://host/%ZZ', 400],
    ['GET /%ZZ', 400],
    ['GET /%C3', 400],
    ['GET /a%00b', 400],
    ['OPTIONS /', 405],
    ['OPTIONS /a/b/c', 404],
    ['PROPFIND /', 405],
    ['CONNECT host:443', 405],
    ['TRACE /', 405],
    ['DELETE /robots.txt', 405],
    ['GET /robots.txt/x', 404],
    ['GET /FAVICON.ICO', 404],
    ['PATCH //', 405],
    ['NOSUCHMETHOD /', 400],
    [`GET /${'x'.repeat(20_000)}`, 413],
  ])('%s is %i', async (line, status) => {
    const world = await startAggregate();
    const answer = await exchange(world.port, request(line));
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(answer).toMatch(/Content-Type: application\/problem\+json/i);
    expect(answer).not.toMatch(/<html|node_modules|\.ts:/i);
  });

  test('an absolute URL is served as its path', async () => {
    const world = await startAggregate();
    expect(await exchange(world.port, request('GET http://host/nope?logs=1'))).toContain('There is no run');
  });

  test('what every browser asks for is answered', async () => {
    const world = await startAggregate();
    expect(await exchange(world.port, request('GET /favicon.ico'))).toMatch(/^HTTP\/1.1 204 /);
    expect(await exchange(world.port, request('GET /robots.txt'))).toContain('Disallow: /');
    expect(await exchange(world.port, request('HEAD /robots.txt'))).toMatch(/^HTTP\/1.1 200 /);
  });
});

describe('a body above the limit', () => {
  const isAnswered = (text: string): boolean => text.includes('"status": 413');

  test('is refused by its Content-Length, before a byte of it is sent', async () => {
    const world = await startAggregate();
    const bytes = request('POST /', [`Content-Length: ${33_000_000}`]);
    expect(await exchange(world.port, bytes, isAnswered)).toMatch(/^HTTP\/1.1 413 /);
  });

  test('is refused instead of asked for with 100 Continue', async () => {
    const world = await startAggregate();
    const bytes = request('POST /', [`Content-Length: ${33_000_000}`, 'Expect: 100-continue']);
    expect(await exchange(world.port, bytes, isAnswered)).toMatch(/^HTTP\/1.1 413 /);
  });

  test('without a length is refused as soon as the limit is passed', async () => {
    const world = await startAggregate();
    const chunk = `${(65_536).toString(16)}\r\n${'x'.repeat(65_536)}\r\n`;
    const bytes = request('POST /', ['Transfer-Encoding: chunked']) + chunk.repeat(MAX_BODY_BYTES / 65_536 + 1);
    expect(await exchange(world.port, bytes, isAnswered)).toMatch(/^HTTP\/1.1 413 /);
  });

  test('of exactly the limit is read', async () => {
    const world = await startAggregate();
    const response = await fetch(world.url, { method: 'POST', body: ' '.repeat(MAX_BODY_BYTES) });
    // A document has at most 64 KiB: the body was read, and refused for what it is.
    expect(response.status).toBe(413);
    expect(await response.text()).toContain('64 KiB');
  });
});

test('a body that is asked for with 100 Continue is read', async () => {
  const world = await startAggregate();
  const bytes = request('POST /', ['Content-Length: 1', 'Expect: 100-continue']);
  expect(await exchange(world.port, `${bytes}x`)).toMatch(/^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 400 /);
});

describe('a write that a page of another site sends', () => {
  test.each([
    [{ 'Sec-Fetch-Site': 'cross-site' }],
    [{ 'Sec-Fetch-Site': 'same-site' }],
    [{ Origin: 'https://evil.example' }],
    [{ Origin: 'null' }],
    [{ Origin: 'https://evil.example', 'Sec-Fetch-Site': 'same-origin' }],
  ])('with %o is refused, and nothing is written', async (headers) => {
    const world = await startAggregate();
    for (const line of ['POST /', 'DELETE /a1', 'POST /tasks/t?force=true', 'POST /sweep']) {
      const answer = await exchange(
        world.port,
        request(
          line,
          Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
        ),
      );
      expect(answer).toMatch(/^HTTP\/1.1 403 /);
    }
    expect(world.store.all('state')).toEqual([]);
  });

  test.each([['Sec-Fetch-Site: none'], ['Sec-Fetch-Site: same-origin'], ['Origin: http://x']])(
    'is refused, one with %s is served',
    async (header) => {
      const world = await startAggregate();
      expect(await exchange(world.port, request('POST /sweep', [header]))).toMatch(/^HTTP\/1.1 200 /);
    },
  );
});

describe('text of a request is repeated in part only', () => {
  test.each([
    ['a key of 60 kB', JSON.stringify({ ['k'.repeat(60_000)]: 1 })],
    ['control characters', JSON.stringify({ [`${'\u0001'.repeat(10_000)}`]: 1 })],
    ['2,000 wrong keys', JSON.stringify(Object.fromEntries(Array.from({ length: 2_000 }, (_, i) => [`k${i}`, i])))],
    ['a key of a megabyte', JSON.stringify({ ['k'.repeat(1_000_000)]: 1 })],
    ['a key of control characters', JSON.stringify({ [`${'\u0001'.repeat(170_000)}`]: 1 })],
    ['many wrong keys', JSON.stringify(Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`k${i}`, i])))],
  ])('%s', async (_name, body) => {
    const world = await startAggregate();
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(world.url, { method: 'POST', body, headers });
    expect([400, 413]).toContain(response.status);
    expect((await response.text()).length).toBeLessThan(450_000);
    expect(world.lines).toHaveLength(1);
    expect(JSON.stringify(world.lines[0]).length).toBeLessThan(256 * 1024);
    expect(world.lines[0]).toMatchObject({ status: response.status, method: 'POST', path: '/' });
  });
});
