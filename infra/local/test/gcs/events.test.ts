import type { IncomingHttpHeaders } from 'node:http';
import { createServer } from 'node:http';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { planDeliveries } from '../../gcs/chaos.ts';
import type { EventDeliveryOptions } from '../../gcs/events.ts';
import { createEventDelivery } from '../../gcs/events.ts';
import type { ObjectResource } from '../../gcs/resource.ts';
import { buildObjectResource } from '../../gcs/resource.ts';
import { at, startApi, upload } from './api.ts';

const WITHIN = { timeout: 90_000 };

interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: ObjectResource;
}

const anObject = buildObjectResource(
  {
    bucket: 'bkt',
    name: 'f',
    generation: 1,
    metageneration: 1,
    timeCreated: '2026-01-02T03:04:05.678Z',
    updated: '2026-01-02T03:04:05.678Z',
    size: 0,
    md5Hash: '',
    crc32c: 'AAAAAA==',
    attributes: {},
    blob: { kind: 'memory', bytes: Buffer.alloc(0) },
  },
  'http://127.0.0.1',
);

/** A target whose n-th answer is `answer(n)`; null: none. */
async function startTarget(answer: (index: number) => number | null = () => 204) {
  const received: Received[] = [];
  let most = 0;
  let open = 0;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    open += 1;
    most = Math.max(most, open);
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = JSON.parse(Buffer.concat(chunks).toString()) as ObjectResource;
      const status = answer(received.push({ headers: request.headers, body }) - 1);
      setImmediate(() => {
        open -= 1;
        if (status !== null) response.writeHead(status).end();
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return { received, url: `http://127.0.0.1:${port}/hook?a=b`, most: () => most };
}

async function startDelivery(options: EventDeliveryOptions) {
  const events = createEventDelivery({ baseBackoffMs: 1, maxBackoffMs: 10, ...options });
  onTestFinished(() => events.close());
  const api = await startApi({ onFinalize: events.onFinalize });
  return { events, api };
}

describe('finalize events', () => {
  test('are what Eventarc posts: a CloudEvent in binary mode with the object as its data', async () => {
    const target = await startTarget();
    const { events, api } = await startDelivery({ targets: () => [target.url] });
    await api.send('POST', upload('a b/ü%.txt'), 'text', { 'content-type': 'text/plain' });
    await vi.waitUntil(() => target.received.length === 1, WITHIN);
    await events.drain();
    const [event] = target.received;
    const { json } = await api.send('GET', at('a b/ü%.txt'));
    expect(event?.headers).toMatchObject({
      'content-type': 'application/json',
      'ce-specversion': '1.0',
      'ce-type': 'google.cloud.storage.object.v1.finalized',
      'ce-source': '//storage.googleapis.com/projects/_/buckets/bkt',
      'ce-subject': 'objects/a%20b/%C3%BC%25.txt',
      'ce-bucket': 'bkt',
      'ce-time': json['timeCreated'],
    });
    expect(event?.body).toEqual(json);
    expect(event?.body).toMatchObject({ generation: expect.any(String), size: '4', metageneration: '1' });
  });

  test('come of every way to make a generation, and of no other change', async () => {
    const target = await startTarget();
    const { events, api } = await startDelivery({ targets: () => [target.url] });
    await api.put('f', '1');
    await api.put('f', '2');
    await api.send('PATCH', at('f'), '{"metadata":{"k":"v"}}');
    await api.send('POST', `${at('f')}/rewriteTo/b/bkt/o/g`, '{}');
    await api.send('POST', `${upload('f')}&ifGenerationMatch=0`, '3');
    await api.send('DELETE', at('f'));
    await vi.waitUntil(() => target.received.length >= 3, WITHIN);
    await events.drain();
    expect(target.received.map(({ body }) => body.name).toSorted()).toEqual(['f', 'f', 'g']);
    expect(new Set(target.received.map(({ headers }) => headers['ce-id'])).size).toBe(3);
  });

  test('are posted again, as the same event, until they are acknowledged with 2xx', async () => {
    const statuses = [500, 404, 429, 302, 200];
    const target = await startTarget((index) => statuses[index] ?? 200);
    const log: unknown[] = [];
    const options = { targets: () => [target.url], log: (_: string, fields: object) => log.push(fields) };
    const { events, api } = await startDelivery(options);
    await api.put('f', '');
    await vi.waitUntil(() => target.received.length === 5, WITHIN);
    await events.drain();
    expect(new Set(target.received.map(({ headers }) => headers['ce-id'])).size).toBe(1);
    expect(log).toMatchObject([{ backoffMs: 1 }, { backoffMs: 2 }, { backoffMs: 4 }, { backoffMs: 8 }]);
  });

  test('are posted again when there is no answer in time', async () => {
    const target = await startTarget((index) => (index === 0 ? null : 200));
    const { events, api } = await startDelivery({ targets: () => [target.url], timeoutMs: 100 });
    await api.put('f', '');
    await vi.waitUntil(() => target.received.length >= 2, WITHIN);
    await events.drain();
    expect(new Set(target.received.map(({ headers }) => headers['ce-id'])).size).toBe(1);
  });

  test('are given up when nobody has listened for the time of retention', async () => {
    const log: string[] = [];
    let nowMs = 0;
    const events = createEventDelivery({
      targets: () => ['http://127.0.0.1:1/'],
      baseBackoffMs: 1,
      maxBackoffMs: 1,
      retentionMs: 20,
      log: (message) => log.push(message),
      // The first look says when it began; an attempt takes 8 ms.
      now: () => (nowMs += 8),
    });
    await events.onFinalize(anObject);
    await events.close();
    expect(log).toEqual(['event not delivered', 'event not delivered', 'event given up']);
  });

  test('go to every target', async () => {
    const targets = await Promise.all([startTarget(), startTarget((index) => (index === 0 ? 500 : 200))]);
    const { events, api } = await startDelivery({ targets: () => targets.map(({ url }) => url) });
    await api.put('f', '');
    await vi.waitUntil(() => targets[1]?.received.length === 2, WITHIN);
    await events.drain();
    expect(targets.map(({ received }) => received.length)).toEqual([1, 2]);
  });

  test('are not posted more at once than allowed', async () => {
    const target = await startTarget();
    const { events, api } = await startDelivery({ targets: () => [target.url], concurrency: 3 });
    await Promise.all(Array.from({ length: 40 }, (_, index) => api.put(`f${index}`, '')));
    await vi.waitUntil(() => target.received.length === 40, WITHIN);
    await events.drain();
    expect(target.most()).toBeLessThanOrEqual(3);
  });

  test('that are not delivered when the delivery is closed stay undelivered', async () => {
    const target = await startTarget(() => 500);
    const backoff = { baseBackoffMs: 60_000, maxBackoffMs: 60_000 };
    const { events, api } = await startDelivery({ targets: () => [target.url], ...backoff });
    await api.put('f', '');
    await vi.waitUntil(() => target.received.length === 1, WITHIN);
    await events.close();
    await expect(events.onFinalize(anObject)).rejects.toThrow('closed');
  });
});

describe('chaos', () => {
  const objects = Array.from({ length: 400 }, (_, index) => `bkt/${index}`);
  function plan(seed: number) {
    return objects.map((object) => planDeliveries({ seed, maxDelayMs: 1000 }, object, 0));
  }

  test('is the same for the same seed, and another for another', () => {
    expect(plan(1)).toEqual(plan(1));
    expect(plan(1)).not.toEqual(plan(2));
    expect(planDeliveries({ seed: 1 }, 'bkt/1', 0)).not.toEqual(planDeliveries({ seed: 1 }, 'bkt/1', 1));
  });

  test('duplicates some, delays some, and loses none', () => {
    const plans = plan(3);
    const copies = plans.map(({ length }) => length);
    expect(Math.min(...copies)).toBe(1);
    expect(copies.filter((count) => count > 1).length).toBeGreaterThan(40);
    expect(copies.filter((count) => count > 1).length).toBeLessThan(160);
    const delays = plans.flat().map(({ delayMs }) => delayMs);
    expect(delays.filter((delay) => delay === 0).length).toBeGreaterThan(100);
    expect(Math.max(...delays)).toBeGreaterThan(500);
    expect(Math.max(...delays)).toBeLessThan(1000);
    expect(plans.flat().some(({ isOtherMessage }) => isOtherMessage)).toBe(true);
  });

  test('delivers every event at least once, as the plan says', async () => {
    const target = await startTarget();
    const chaos = { seed: 7, maxDelayMs: 30 };
    const { events, api } = await startDelivery({ targets: () => [target.url], chaos });
    const names = Array.from({ length: 40 }, (_, index) => `f${index}`);
    for (const name of names) await api.put(name, '');
    const wanted = names.reduce((sum, name) => sum + planDeliveries(chaos, `bkt/${name}`, 0).length, 0);
    await vi.waitUntil(() => target.received.length === wanted, WITHIN);
    await events.drain();
    expect(new Set(target.received.map(({ body }) => body.name))).toEqual(new Set(names));
    expect(wanted).toBeGreaterThan(40);
  });
});
