import type { V1Job } from '@kubernetes/client-node';
import type { ServerResponse } from 'node:http';
import { describe, expect, test } from 'vitest';
import { createCluster } from '../../src/cluster/kubernetes.ts';
import type { Cluster } from '../../src/cluster/port.ts';
import { DeadlineError, isAmbiguous, UnavailableError, UpstreamError } from '../../src/errors.ts';
import { answerJson, answerStatus, type Handler, startScripted } from './scripted-server.ts';
import { createStubAccess } from './stub-access.ts';

const job: V1Job = { metadata: { namespace: 'ns', name: 'job' }, spec: { template: {} } };

const open = async (handler: Handler, options = {}) => {
  const server = await startScripted(handler);
  return { server, cluster: createCluster(createStubAccess([{ server: server.url }]), options) };
};

const busy = (response: ServerResponse): void => answerStatus(response, 503, 'ServiceUnavailable', 'etcd is busy');

/** Every idempotent call, with a response that fits it. */
const IDEMPOTENT: readonly (readonly [string, (cluster: Cluster) => Promise<unknown>, unknown])[] = [
  ['getJob', (cluster) => cluster.getJob('ns', 'job'), {}],
  ['listJobs', (cluster) => cluster.listJobs('ns', ''), { items: [] }],
  ['listPods', (cluster) => cluster.listPods('ns', ''), { items: [] }],
  ['listEvents', (cluster) => cluster.listEvents('ns', { kind: 'Job', name: 'job' }), { items: [] }],
  ['podLog', (cluster) => cluster.podLog('ns', 'pod', { container: 'main', tailLines: 1 }), {}],
  ['secretKeys', (cluster) => cluster.secretKeys('ns', 'secret'), {}],
  ['deleteJob with a uid', (cluster) => cluster.deleteJob('ns', 'job', { uid: 'u' }), {}],
  ['suspendJob', (cluster) => cluster.suspendJob('ns', 'job'), {}],
];

const ONCE: readonly (readonly [string, (cluster: Cluster) => Promise<unknown>])[] = [
  ['createJob', (cluster) => cluster.createJob(job)],
  ['deleteJob by name alone', (cluster) => cluster.deleteJob('ns', 'job')],
];

describe('repeated requests', () => {
  test.each(IDEMPOTENT)('%s is sent again while the API server is busy', async (_name, run, answer) => {
    const { server, cluster } = await open((_request, response, count) =>
      count < 3 ? busy(response) : answerJson(response, 200, answer),
    );
    await run(cluster);
    expect(server.requests).toHaveLength(3);
  });

  test.each(IDEMPOTENT)('%s is sent again after a broken connection', async (_name, run, answer) => {
    const { server, cluster } = await open((_request, response, count) =>
      count === 1 ? void response.destroy() : answerJson(response, 200, answer),
    );
    await run(cluster);
    expect(server.requests).toHaveLength(2);
  });

  test.each(IDEMPOTENT)('%s fails after the maximum number of requests', async (_name, run) => {
    const { server, cluster } = await open((_request, response) => busy(response), { maxRequests: 3 });
    const ended = run(cluster);
    await expect(ended).rejects.toThrow(UnavailableError);
    await expect(ended).rejects.toThrow('503');
    expect(server.requests).toHaveLength(3);
  });

  test.each(ONCE)('%s is sent once', async (_name, run) => {
    const { server, cluster } = await open((_request, response) => busy(response));
    await expect(run(cluster)).rejects.toThrow(UnavailableError);
    expect(server.requests).toHaveLength(1);
  });

  test('a refused request is not sent again', async () => {
    const { server, cluster } = await open((_request, response) => answerStatus(response, 422, 'Invalid', 'no'));
    await expect(cluster.getJob('ns', 'job')).rejects.toThrow(UpstreamError);
    expect(server.requests).toHaveLength(1);
  });

  test('a Retry-After beyond the deadline ends the call at once', async () => {
    const { server, cluster } = await open(
      (_request, response) => answerStatus(response, 429, 'TooManyRequests', 'later', { 'retry-after': '60' }),
      { deadlineMs: 5_000 },
    );
    await expect(cluster.getJob('ns', 'job')).rejects.toThrow(UnavailableError);
    expect(server.requests).toHaveLength(1);
  });
});

describe('an ambiguous result', () => {
  test('a create whose connection breaks after the server acted is UnavailableError', async () => {
    const { server, cluster } = await open((_request, response) => void response.destroy());
    const error = await cluster.createJob(job).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UnavailableError);
    expect(isAmbiguous(error)).toBe(true);
    expect(server.requests).toHaveLength(1);
  });

  test('a create whose response breaks off is UnavailableError', async () => {
    const { cluster } = await open((_request, response) => {
      response.writeHead(201, { 'content-type': 'application/json', 'content-length': '1000' });
      response.write('{"kind":"Job"', () => response.destroy());
    });
    await expect(cluster.createJob(job)).rejects.toThrow(UnavailableError);
  });

  test('a create without a response in time is DeadlineError', async () => {
    // Long enough for the request to be sent on a busy machine.
    const { server, cluster } = await open(() => undefined, { deadlineMs: 1_000 });
    const error = await cluster.createJob(job).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(DeadlineError);
    expect(isAmbiguous(error)).toBe(true);
    expect(server.requests).toHaveLength(1);
  });

  test('the caller’s signal ends a call, and the wait between two requests', async () => {
    const controller = new AbortController();
    const { server, cluster } = await open((_request, response) =>
      answerStatus(response, 429, 'TooManyRequests', 'later', { 'retry-after': '5' }),
    );
    const call = cluster.getJob('ns', 'job', { signal: controller.signal });
    await expect.poll(() => server.requests.length).toBe(1);
    controller.abort();
    await expect(call).rejects.toThrow(DeadlineError);
    expect(server.requests).toHaveLength(1);
  });
});

describe('a create', () => {
  test('sets the field manager and strict validation, and sends the Job unchanged', async () => {
    const { server, cluster } = await open((_request, response) => answerJson(response, 201, job));
    await cluster.createJob(Object.assign({}, job, { misspelt: { deep: 1 } }));
    const url = new URL(server.requests[0]?.url ?? '', 'http://x');
    expect(url.pathname).toBe('/apis/batch/v1/namespaces/ns/jobs');
    expect(Object.fromEntries(url.searchParams)).toEqual({
      fieldManager: 'tensorio-trigger',
      fieldValidation: 'Strict',
    });
    expect(JSON.parse(server.requests[0]?.body ?? '')).toEqual({
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { namespace: 'ns', name: 'job' },
      spec: { template: {} },
      misspelt: { deep: 1 },
    });
  });

  test('sets dryRun for a dry run', async () => {
    const { server, cluster } = await open((_request, response) => answerJson(response, 201, job));
    await cluster.createJob(job, { dryRun: true });
    expect(server.requests[0]?.url).toContain('dryRun=All');
  });

  test('a 409 other than AlreadyExists created no Job', async () => {
    const { cluster } = await open((_request, response) =>
      answerStatus(response, 409, 'Conflict', 'Operation cannot be fulfilled on resourcequotas "q"'),
    );
    await expect(cluster.createJob(job)).rejects.toThrow(UnavailableError);
  });

  test('without a namespace is a TypeError', async () => {
    const { cluster } = await open((_request, response) => answerJson(response, 201, job));
    await expect(cluster.createJob({ metadata: { name: 'job' } })).rejects.toThrow(TypeError);
  });
});

describe('a delete and a suspend', () => {
  test('a delete includes the pods, and applies to the Job of the uid only', async () => {
    const { server, cluster } = await open((_request, response) => answerJson(response, 200, {}));
    await cluster.deleteJob('ns', 'job', { uid: 'u-1' });
    expect(JSON.parse(server.requests[0]?.body ?? '')).toEqual({
      propagationPolicy: 'Background',
      preconditions: { uid: 'u-1' },
    });
  });

  test('a suspend is a merge patch of that field only', async () => {
    const { server, cluster } = await open((_request, response) => answerJson(response, 200, {}));
    await cluster.suspendJob('ns', 'job');
    expect(server.requests[0]).toMatchObject({ method: 'PATCH', body: '{"spec":{"suspend":true}}' });
    expect(server.requests[0]?.headers['content-type']).toBe('application/merge-patch+json');
  });
});

describe('a list', () => {
  const page = (name: string, next?: string) => ({ items: [{ metadata: { name } }], metadata: { continue: next } });

  test('follows its continue tokens', async () => {
    const { server, cluster } = await open(({ url }, response) => {
      const token = new URL(url, 'http://x').searchParams.get('continue');
      if (token === null) answerJson(response, 200, page('a', 'second'));
      else answerJson(response, 200, token === 'second' ? page('b', 'third') : page('c'));
    });
    const jobs = await cluster.listJobs('ns', 'a=b');
    expect(jobs.map(({ metadata }) => metadata?.name)).toEqual(['a', 'b', 'c']);
    expect(server.requests.every(({ url }) => url.includes('limit=500') && url.includes('labelSelector=a%3Db'))).toBe(
      true,
    );
  });

  test('starts again when a token has expired, and does not mix the two results', async () => {
    const { cluster } = await open(({ url }, response, count) => {
      if (!url.includes('continue=')) answerJson(response, 200, page('a', 'next'));
      else if (count < 3) answerStatus(response, 410, 'Expired', 'The provided continue parameter is too old');
      else answerJson(response, 200, page('b'));
    });
    expect((await cluster.listJobs('ns', '')).map(({ metadata }) => metadata?.name)).toEqual(['a', 'b']);
  });

  test('whose token expires twice is UnavailableError', async () => {
    const { cluster } = await open(({ url }, response) => {
      if (!url.includes('continue=')) answerJson(response, 200, page('a', 'next'));
      else answerStatus(response, 410, 'Expired', 'The provided continue parameter is too old');
    });
    await expect(cluster.listJobs('ns', '')).rejects.toThrow(UnavailableError);
  });
});

describe('a response that is not from a Kubernetes API', () => {
  test.each([
    ['a login page', 200, 'text/html', '<html>log in</html>'],
    ['JSON that breaks off', 200, 'application/json', '{"metadata":{"na'],
    ['no body', 200, 'application/json', ''],
    ['a proxy’s error', 502, 'text/html', '<html>bad gateway</html>'],
  ])('%s is UnavailableError, and is not quoted', async (_name, status, type, body) => {
    const { cluster } = await open(
      (_request, response) => void response.writeHead(status, { 'content-type': type }).end(body),
      {
        maxRequests: 1,
      },
    );
    const error = await cluster.getJob('ns', 'job').catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UnavailableError);
    expect(String(error)).not.toMatch(/<html>|metadata/);
  });
});
