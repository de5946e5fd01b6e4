import { connect } from 'node:http2';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { serviceImages } from '../../../images/service/entries.ts';
import { PORTS_ANNOTATION } from '../../../kubelet/pod-progress.ts';
import { startKubernetes } from '../../../kubernetes/server.ts';
import type { Kubernetes } from '../../../kubernetes/server.ts';
import { createWorld, PATIENCE_MS, until } from '../../kubelet/pod-world.ts';
import type { World } from '../../kubelet/pod-world.ts';
import { create, describeServicePods, podOf, withTokens } from './suite.ts';

let kubernetes: Kubernetes | undefined;

function target() {
  return { options: { server: kubernetes?.url ?? '' }, namespace: 'default' };
}

/** A running service of a Deployment behind a Service; returns the name of both. */
async function serve(service: string, replicas: number): Promise<{ readonly world: World; readonly name: string }> {
  const world = createWorld(target());
  await world.kubelet({ images: serviceImages });
  const name = await create(world, service, await withTokens(world));
  const ports = [
    { name: 'rest', port: 7317, targetPort: 'rest' },
    { name: 'grpc', port: 7316, targetPort: 'grpc' },
  ];
  await world.create('services', { metadata: { name }, spec: { selector: { app: name }, ports } });
  if (replicas !== 1)
    await world.api.patch(`/apis/apps/v1/namespaces/default/deployments/${name}/scale`, { spec: { replicas } });
  return { world, name };
}

async function proxied(name: string, path: string, init?: RequestInit): Promise<readonly [number, unknown]> {
  const answer = await fetch(`${kubernetes?.url}/api/v1/namespaces/default/services/${name}/proxy${path}`, init);
  return [answer.status, await answer.json()];
}

beforeAll(async () => {
  kubernetes = await startKubernetes();
});
afterAll(() => kubernetes?.close());

describeServicePods(target);

test.each(['repository', 'flea'])(
  '%s is healthy through the proxy of its Service, each replica at its own port',
  { timeout: PATIENCE_MS * 2 },
  async (service) => {
    const { name } = await serve(service, 2);
    const path = `/v1/${service}/healthz`;
    for (const port of ['rest', '7317'])
      await until(async () => expect(await proxied(`${name}:${port}`, path)).toEqual([200, { status: 'SERVING' }]));
    const [status, body] = await proxied(`${name}:rest`, `/v1/${service}/models?x=1`, { method: 'POST', body: '{}' });
    expect(status).toBe(501);
    expect(body).toMatchObject({
      code: 12,
      message: expect.stringContaining(`POST /v1/${service}/models is not there`),
    });
  },
);

test('its gRPC port answers that no method is there', { timeout: PATIENCE_MS * 2 }, async () => {
  const { world, name } = await serve('repository', 1);
  const { metadata } = await world.podWhen(await podOf(world, name), (pod) =>
    expect(pod.status?.containerStatuses?.[0]?.ready).toBe(true),
  );
  const { grpc } = JSON.parse(metadata.annotations?.[PORTS_ANNOTATION] ?? '{}') as { grpc: number };
  const session = connect(`http://127.0.0.1:${grpc}`);
  onTestFinished(() => session.close());
  const stream = session.request({
    ':method': 'POST',
    ':path': '/api.Repository/Healthz',
    'content-type': 'application/grpc',
  });
  const headers = await new Promise((resolve, reject) => {
    stream.on('response', resolve).on('error', reject);
    stream.end();
  });
  expect(headers).toMatchObject({ 'grpc-status': '12', 'content-type': 'application/grpc' });
});

test('a Service whose pod has gone is reached no more', { timeout: PATIENCE_MS * 2 }, async () => {
  const { world, name } = await serve('flea', 1);
  const path = '/v1/flea/healthz';
  await until(async () => expect((await proxied(`${name}:rest`, path))[0]).toBe(200));
  await world.api.patch(`/apis/apps/v1/namespaces/default/deployments/${name}/scale`, { spec: { replicas: 0 } });
  await until(async () =>
    expect(await proxied(`${name}:rest`, path)).toMatchObject([
      503,
      { reason: 'ServiceUnavailable', message: `no endpoints available for service "${name}"` },
    ]),
  );
});
