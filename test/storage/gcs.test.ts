import type { ServerResponse } from 'node:http';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { DeadlineError, UnavailableError, UpstreamError } from '../../src/errors.ts';
import type { Fault } from '../../infra/local/gcs/faults.ts';
import { startGcs } from '../../infra/local/gcs/server.ts';
import { metered } from '../../src/log.ts';
import { createGcsObjectStore } from '../../src/storage/gcs.ts';
import { mediaHeaders, startCannedServer } from './canned-server.ts';

const uri = { bucket: 'state', name: 'runs/a.json' };
const create = { ifGenerationMatch: '0' };
// Of the text "123456789": RFC 3720 B.4.
const TEXT = '123456789';
const CRC32C = '4waSgw==';

/** The embedded server, which injects the n-th fault into the n-th request. */
const startFaulty = async (faults: readonly Fault[] = [], timeoutMs = 10_000) => {
  const requests: string[] = [];
  const server = await startGcs({
    buckets: ['state'],
    faults: ({ method, path }) => faults[requests.push(`${method} ${path.split('?')[0]}`) - 1],
  });
  onTestFinished(() => server.close());
  return { requests, store: createGcsObjectStore({ apiEndpoint: server.url, timeoutMs }) };
};

const EMPTY_PAGE = JSON.stringify({ kind: 'storage#objects' });
const storeAt = (url: string, timeoutMs = 10_000) => createGcsObjectStore({ apiEndpoint: url, timeoutMs });

describe('requests', () => {
  test('every call is one request, and counted', async () => {
    const { store, requests } = await startFaulty();
    const calls = await metered(async (meter) => {
      await store.write(uri, TEXT, create);
      await store.read(uri);
      await store.stream(uri);
      await store.list({ bucket: 'state' });
      return meter.upstreamCalls;
    });
    expect(calls).toBe(4);
    expect(requests).toEqual([
      'POST /upload/storage/v1/b/state/o',
      'GET /storage/v1/b/state/o/runs%2Fa.json',
      'GET /storage/v1/b/state/o/runs%2Fa.json',
      'GET /storage/v1/b/state/o',
    ]);
  });

  test('a write carries its checksum, so that the server refuses damaged content', async () => {
    let body = '';
    const server = await startCannedServer((request, response) => {
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => response.writeHead(400).end());
    });
    await expect(storeAt(server.url).write(uri, TEXT, create)).rejects.toThrow(UpstreamError);
    expect(body).toContain(`"crc32c":"${CRC32C}"`);
  });

  test('calls in sequence share a connection', async () => {
    const server = await startCannedServer((_, response) => {
      response.writeHead(200, mediaHeaders(TEXT, CRC32C)).end(TEXT);
    });
    const store = storeAt(server.url);
    for (let count = 0; count < 10; count += 1) await store.read(uri);
    expect(server.connections).toBe(1);
  });

  test('a list requests only the fields that it needs', async () => {
    const server = await startCannedServer((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(EMPTY_PAGE);
    });
    await storeAt(server.url).list({ bucket: 'state', prefix: '{{projectId}}' });
    const query = new URL(server.requests[0]?.split(' ')[1] ?? '', server.url).searchParams;
    expect(query.get('fields')).toBe(
      'kind,nextPageToken,prefixes,items(name,generation,size,timeCreated,crc32c,metadata)',
    );
    expect(query.get('prefix')).toBe('{{projectId}}');
  });
});

describe('retries', () => {
  test.each<[string, Fault]>([
    ['429', { status: 429 }],
    ['408', { status: 408 }],
    ['500', { status: 500 }],
    ['503', { status: 503, headers: { 'retry-after': '0' } }],
    ['a reset', 'reset-before'],
  ])('a call is repeated after %s', async (_, fault) => {
    const { store, requests } = await startFaulty([fault, fault]);
    expect(await store.read(uri)).toBeNull();
    expect(requests).toHaveLength(3);
  });

  test('a write whose response was lost is repeated, and conflicts with itself', async () => {
    const { store } = await startFaulty(['reset-after']);
    expect(await store.write(uri, 'mine', create)).toBe('conflict');
    expect(await store.read(uri)).toMatchObject({ text: 'mine' });
  });

  test('a call fails after five requests', async () => {
    const { store, requests } = await startFaulty(Array.from({ length: 9 }, () => ({ status: 503 })));
    await expect(store.list({ bucket: 'state' })).rejects.toThrow(UnavailableError);
    expect(requests).toHaveLength(5);
  });

  test('a call is not repeated if Retry-After is longer than the remaining time', async () => {
    const { store, requests } = await startFaulty([{ status: 503, headers: { 'retry-after': '3600' } }]);
    await expect(store.read(uri)).rejects.toThrow(UnavailableError);
    expect(requests).toHaveLength(1);
  });

  test.each([400, 401, 403, 409])('a refusal with %i is final', async (status) => {
    const { store, requests } = await startFaulty([{ status }]);
    await expect(store.read(uri)).rejects.toThrow(UpstreamError);
    expect(requests).toHaveLength(1);
  });

  test('a text damaged in transit is read again', async () => {
    const server = await startCannedServer((_, response, index) => {
      response.writeHead(200, mediaHeaders(TEXT, CRC32C)).end(index === 0 ? '123456780' : TEXT);
    });
    expect(await storeAt(server.url).read(uri)).toMatchObject({ text: TEXT, info: { generation: '7', size: 9 } });
  });

  test('a text cut short is read again', async () => {
    const server = await startCannedServer((_, response, index) => {
      response.writeHead(200, mediaHeaders(TEXT, CRC32C));
      if (index > 0) response.end(TEXT);
      else response.write(TEXT.slice(0, 4), () => response.destroy());
    });
    expect(await storeAt(server.url).read(uri)).toMatchObject({ text: TEXT });
  });

  const PAGE = JSON.stringify({ kind: 'storage#objects', items: [{ name: 'a', generation: '1', size: '2' }] });
  const JSON_TYPE = { 'content-type': 'application/json; charset=UTF-8' };
  const broken: readonly (readonly [string, (response: ServerResponse) => void])[] = [
    [
      'cut off',
      (response) => {
        response.writeHead(200, { ...JSON_TYPE, 'content-length': String(PAGE.length) });
        response.write(PAGE.slice(0, 20), () => response.destroy());
      },
    ],
    [
      'cut off between chunks',
      (response) => {
        response.writeHead(200, JSON_TYPE);
        response.write(PAGE.slice(0, 20), () => response.destroy());
      },
    ],
    ['that ends too early', (response) => void response.writeHead(200, JSON_TYPE).end(PAGE.slice(0, 20))],
    ['that is empty', (response) => void response.writeHead(200, JSON_TYPE).end()],
    ['of nothing', (response) => void response.writeHead(200, JSON_TYPE).end('{}')],
    ['of somebody else', (response) => void response.writeHead(200, JSON_TYPE).end('{"status":"ok"}')],
  ];

  test.each(broken)('a listing %s does not count as empty, and is requested again', async (_, breakOff) => {
    const server = await startCannedServer((__, response, index) => {
      if (index === 0) breakOff(response);
      else response.writeHead(200, JSON_TYPE).end(EMPTY_PAGE);
    });
    expect(await storeAt(server.url).list({ bucket: 'state' })).toEqual({ objects: [], prefixes: [] });
    expect(server.requests).toHaveLength(2);
  });

  test.each(broken)('a write whose response is one %s is sent again', async (_, breakOff) => {
    const info = { name: 'n', generation: '9', size: '4', timeCreated: '2026-01-01T00:00:00Z', crc32c: 'AAAAAA==' };
    const server = await startCannedServer((__, response, index) => {
      if (index === 0) breakOff(response);
      else response.writeHead(200, JSON_TYPE).end(JSON.stringify(info));
    });
    expect(await storeAt(server.url).write(uri, 'mine', create)).toMatchObject({ generation: '9' });
  });

  test('a response that is not from Cloud Storage is requested again', async () => {
    const server = await startCannedServer((_, response, index) => {
      if (index === 0) response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Log in</h1>');
      else response.writeHead(200, { 'content-type': 'application/json' }).end(EMPTY_PAGE);
    });
    expect(await storeAt(server.url).list({ bucket: 'state' })).toEqual({ objects: [], prefixes: [] });
  });

  test('the checksum of an object stored with gzip encoding is not compared with the text', async () => {
    const headers = { ...mediaHeaders(TEXT, 'AAAAAA=='), 'x-goog-stored-content-encoding': 'gzip' };
    const server = await startCannedServer((_, response) => void response.writeHead(200, headers).end(TEXT));
    expect(await storeAt(server.url).read(uri)).toMatchObject({ text: TEXT });
  });
});

describe('deadlines', () => {
  test('a call ends at its deadline', async () => {
    const { store } = await startFaulty([{ delayMs: 60_000 }], 50);
    await expect(store.read(uri)).rejects.toThrow(DeadlineError);
  });

  test('a call ends with its signal, during a pause between requests too', async () => {
    const { store, requests } = await startFaulty([{ status: 503, headers: { 'retry-after': '5' } }]);
    const controller = new AbortController();
    const call = store.read(uri, { signal: controller.signal });
    await vi.waitUntil(() => requests.length === 1, { timeout: 4_000 });
    setImmediate(() => controller.abort());
    await expect(call).rejects.toThrow(DeadlineError);
  });

  test('a body that stalls ends the call', async () => {
    const server = await startCannedServer((_, response) => {
      response.writeHead(200, mediaHeaders(TEXT, CRC32C)).write('123');
    });
    await expect(storeAt(server.url, 50).read(uri)).rejects.toThrow(DeadlineError);
  });

  test('an error response that stalls ends the call', async () => {
    const server = await startCannedServer((_, response) => {
      response.writeHead(403, { 'content-length': '100' }).write('sa@p does');
    });
    await expect(storeAt(server.url, 50).read(uri)).rejects.toThrow(DeadlineError);
  });

  test('a stream that stalls ends with DeadlineError', async () => {
    const server = await startCannedServer((_, response) => {
      response.writeHead(200, mediaHeaders(TEXT, CRC32C)).write('123');
    });
    const stream = await storeAt(server.url, 500).stream(uri);
    const read = async (): Promise<void> => {
      for await (const chunk of stream?.body ?? []) expect(chunk.length).toBe(3);
    };
    await expect(read()).rejects.toThrow(DeadlineError);
  });
});

describe('streams', () => {
  const readAll = async (body: AsyncIterable<Uint8Array> | undefined): Promise<string> => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of body ?? []) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  };

  test('one that breaks off throws UnavailableError', async () => {
    const server = await startCannedServer((_, response) => {
      response.writeHead(200, mediaHeaders(TEXT, CRC32C)).write('1234', () => response.destroy());
    });
    const stream = await storeAt(server.url).stream(uri);
    await expect(readAll(stream?.body)).rejects.toThrow(UnavailableError);
  });

  test('one whose bytes do not match the checksum throws UnavailableError', async () => {
    const server = await startCannedServer((_, response) => {
      response.writeHead(200, mediaHeaders(TEXT, CRC32C)).end('123456780');
    });
    const stream = await storeAt(server.url).stream(uri);
    await expect(readAll(stream?.body)).rejects.toThrow(/checksum/);
  });

  test('one that is not read to the end closes its connection', async () => {
    let closed = false;
    const server = await startCannedServer((_, response) => {
      response.on('close', () => (closed = true));
      response.writeHead(200, { ...mediaHeaders(TEXT, CRC32C), 'content-length': '100000' }).write(TEXT);
    });
    const stream = await storeAt(server.url).stream(uri);
    for await (const chunk of stream?.body ?? []) if (chunk.length > 0) break;
    await vi.waitUntil(() => closed, { timeout: 4_000 });
    expect(closed).toBe(true);
  });

  test('the time that the reader takes does not count', async () => {
    const server = await startCannedServer((_, response) => {
      response.writeHead(200, mediaHeaders(TEXT, CRC32C)).write('1234', () => response.end('56789'));
    });
    const stream = await storeAt(server.url, 500).stream(uri);
    const until = performance.now() + 800;
    let text = '';
    for await (const chunk of stream?.body ?? []) {
      await vi.waitUntil(() => performance.now() > until);
      text += Buffer.from(chunk).toString();
    }
    expect(text).toBe(TEXT);
  });

  test('one ends with its signal', async () => {
    const controller = new AbortController();
    const server = await startCannedServer((_, response) => {
      response.writeHead(200, { ...mediaHeaders(TEXT, CRC32C), 'content-length': '100000' }).write(TEXT);
    });
    const stream = await storeAt(server.url).stream(uri, { signal: controller.signal });
    const read = async (): Promise<void> => {
      for await (const chunk of stream?.body ?? []) if (chunk.length > 0) controller.abort();
    };
    await expect(read()).rejects.toThrow(DeadlineError);
  });
});
