import { describe, expect, test } from 'vitest';
import type { ClusterAccess } from '../../src/cluster/connection.ts';
import { createCluster } from '../../src/cluster/kubernetes.ts';
import type { KubeObject } from '../../src/cluster/release-port.ts';
import { UnavailableError, UpstreamError } from '../../src/errors.ts';
import { startKubernetes } from '../../infra/local/kubernetes/server.ts';
import type { ObjectsWorld } from '../contracts/objects.ts';
import { objectsContract } from '../contracts/objects.ts';
import { createRawApi } from '../contracts/raw-api.ts';
import { describeReal } from '../real/describe-real.ts';
import { createMemoryObjects } from '../release/memory-objects.ts';
import { startScripted } from './scripted-server.ts';
import { createStubAccess } from './stub-access.ts';

const NAMESPACE = 'contract';

const createLocalAccess = (server: string): ClusterAccess => ({
  endpoint: async () => ({ server }),
  token: async () => undefined,
  describe: () => 'the embedded API',
  invalidate: () => undefined,
});

const createApiObjects = async (access: ClusterAccess, namespace: string): Promise<ObjectsWorld> => {
  const api = await createRawApi(access);
  const base = `/api/v1/namespaces/${namespace}/configmaps`;
  return {
    objects: createCluster(access),
    namespace,
    isApi: true,
    putAs: async (manager, { namespace: _namespace, ...object }: KubeObject) => {
      const { status } = await api.send('GET', `${base}/${object.metadata.name}`);
      const path = status === 404 ? base : `${base}/${object.metadata.name}`;
      await api.send(status === 404 ? 'POST' : 'PATCH', `${path}?fieldManager=${manager}`, object);
    },
    close: () => api.close(),
  };
};

objectsContract('objects in memory', async () => {
  const memory = createMemoryObjects(() => new Date('2026-01-01T00:00:00Z'));
  const putAs = async (manager: string, object: KubeObject): Promise<void> => memory.put(object, manager);
  return { objects: memory, namespace: NAMESPACE, isApi: false, putAs, close: async () => undefined };
});

objectsContract('objects of the embedded API', async () => {
  const server = await startKubernetes();
  const access = createLocalAccess(server.url);
  const world = await createApiObjects(access, 'default');
  const close = async (): Promise<void> => {
    await world.close();
    await server.close();
  };
  return { ...world, close };
});

describeReal('objects of a real API server', (real) => {
  objectsContract('through the adapter', () => createApiObjects(real().access, real().namespace));

  test('a Service without pods is unreachable, not unhealthy', async () => {
    const { namespace } = real();
    const cluster = createCluster(real().access);
    const spec = { ports: [{ name: 'rest', port: 80 }], selector: { app: 'none' } };
    await cluster.applyObject({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'empty', namespace }, spec });
    // "no endpoints available", or "not found" where no endpoints-controller makes Endpoints of it.
    const message = expect.stringMatching(
      /no endpoints available for service "empty(:rest)?"|services "empty" not found/,
    );
    const probe = await cluster.probeService(namespace, 'empty', 'rest', '/healthz');
    expect(probe).toEqual({ kind: 'unreachable', message });
  });
});

const answering = async (status: number, type: string, body: string) =>
  startScripted((_request, response) => void response.writeHead(status, { 'content-type': type }).end(body));

const probeOf = async (status: number, type: string, body: string) => {
  const server = await answering(status, type, body);
  const cluster = createCluster(createStubAccess([{ server: server.url }]), { deadlineMs: 2_000 });
  const answer = await cluster.probeService('ns', 'svc', 'rest', '/v1/flea/healthz');
  return { answer, url: server.requests[0]?.url };
};

test('the service proxy is called with the port name, and the response of the pod is returned unchanged', async () => {
  const { answer, url } = await probeOf(200, 'application/json', '{"status":"SERVING"}');
  expect(url).toBe('/api/v1/namespaces/ns/services/svc:rest/proxy/v1/flea/healthz');
  expect(answer).toEqual({ kind: 'answered', status: 200, body: '{"status":"SERVING"}' });
  expect((await probeOf(500, 'text/html', 'oops')).answer).toEqual({ kind: 'answered', status: 500, body: 'oops' });
  expect((await probeOf(404, 'application/json', '{"code":5}')).answer).toMatchObject({
    kind: 'answered',
    status: 404,
  });
});

test('the API server’s response for a Service that it cannot reach is not the response of the pod', async () => {
  const status = JSON.stringify({
    kind: 'Status',
    status: 'Failure',
    message: 'error trying to reach service: dial tcp',
    code: 503,
  });
  expect((await probeOf(503, 'application/json', status)).answer).toMatchObject({
    kind: 'unreachable',
    message: expect.stringContaining('dial tcp'),
  });
  expect((await probeOf(502, 'text/plain', 'Error trying to reach service: refused')).answer).toMatchObject({
    kind: 'unreachable',
  });
  const forbidden = JSON.stringify({
    kind: 'Status',
    status: 'Failure',
    message: 'services "svc:rest" is forbidden',
    code: 403,
  });
  expect((await probeOf(403, 'application/json', forbidden)).answer).toMatchObject({
    kind: 'unreachable',
    message: expect.stringContaining('forbidden'),
  });
});

test('a kind that releases do not use is a TypeError before a request is sent', async () => {
  const cluster = createCluster(createStubAccess([{ server: 'http://127.0.0.1:1' }]));
  await expect(cluster.getObject({ apiVersion: 'v1', kind: 'Pod', namespace: 'ns', name: 'x' })).rejects.toThrow(
    TypeError,
  );
});

test('a refusal that is not about the object is an error of the call, with verb and resource', async () => {
  const body = JSON.stringify({
    kind: 'Status',
    reason: 'Forbidden',
    message: 'User "me" cannot patch resource "deployments"',
    code: 403,
  });
  const server = await answering(403, 'application/json', body);
  const cluster = createCluster(createStubAccess([{ server: server.url }]), { deadlineMs: 2_000 });
  const refused = cluster.applyObject({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'd', namespace: 'ns' },
  });
  await expect(refused).rejects.toThrow(UpstreamError);
  await expect(refused).rejects.toThrow(/user "me" may not patch deployments \(API group apps\) in namespace ns/);
});

test.each([
  [429, 'text/plain', 'Too many requests, please try again later.'],
  [502, 'text/html', '<html>502 Bad Gateway</html>'],
  [504, 'application/json', '{"error": {"code": 504}}'],
])('the response of an intermediary is not the response of the pod: %i', async (status, type, body) => {
  const { answer } = await probeOf(status, type, body);
  expect(answer).toEqual({ kind: 'unreachable', message: `${status}: ${body}` });
});

describe('a 404 without a Kubernetes Status', () => {
  const open = async (type: string, body: string) => {
    const server = await answering(404, type, body);
    return createCluster(createStubAccess([{ server: server.url }]), { maxRequests: 1 });
  };
  const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'ns', name: 'd' };

  test.each([
    ['text/html', '<html>404 Not Found</html>'],
    ['application/json', '{"error":{"code":404,"message":"Membership not found."}}'],
  ])('does not mean that an object, a Job or a Secret is absent: %s', async (type, body) => {
    const cluster = await open(type, body);
    const calls = [
      () => cluster.getObject(deployment),
      () => cluster.listObjects({ apiVersion: 'v1', kind: 'ConfigMap', namespace: 'ns' }, 'a=b'),
      () => cluster.getJob('ns', 'job'),
      () => cluster.suspendJob('ns', 'job'),
      () => cluster.secretKeys('ns', 'secret'),
      () => cluster.deleteObject(deployment, { uid: 'u' }),
    ];
    for (const call of calls) {
      await expect(call()).rejects.toThrow(UnavailableError);
      await expect(call()).rejects.toThrow(/answered 404, .*Is that address a Kubernetes API\?/);
    }
  });

  test('means that the API server does not serve the kind of a route', async () => {
    const cluster = await open('text/plain', '404 page not found\n');
    const kind = { apiVersion: 'gateway.networking.k8s.io/v1', kind: 'HTTPRoute', namespace: 'ns' };
    expect(await cluster.getObject({ ...kind, name: 'r' })).toBeNull();
    expect(await cluster.listObjects(kind, 'a=b')).toEqual([]);
  });
});
