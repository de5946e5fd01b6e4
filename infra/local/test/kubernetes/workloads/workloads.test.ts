import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { startKubernetes } from '../../../kubernetes/server.ts';
import type { Kubernetes } from '../../../kubernetes/server.ts';
import { at } from '../api.ts';
import { describeEndpoints } from './suite-endpoints.ts';
import { describeReplicas } from './suite-replicas.ts';
import { describeRollouts } from './suite-rollouts.ts';
import { createWorld, deployment } from './world.ts';

let kubernetes: Kubernetes | undefined;

beforeAll(async () => {
  kubernetes = await startKubernetes();
});
afterAll(() => kubernetes?.close());

function target(): { readonly server: string } {
  return { server: kubernetes?.url ?? '' };
}

describeRollouts(target);
describeReplicas(target);
describeEndpoints(target);

test('an update goes on where the server was ended', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'workloads-'));
  const first = await startKubernetes({ dataDir });
  const servers = [first];
  onTestFinished(async () => {
    await servers.at(-1)?.close();
    rmSync(dataDir, { recursive: true, force: true });
  });
  const world = await createWorld({ server: first.url });
  const goOn = world.pausePods();
  await world.create('services', {
    metadata: { name: 'web' },
    spec: { selector: { app: 'web' }, ports: [{ port: 80 }] },
  });
  await world.create('deployments', deployment('web', 'v1', { replicas: 2, progressDeadlineSeconds: 30 }));
  await first.close();
  servers.push(await startKubernetes({ dataDir, port: first.port }));
  goOn();
  await world.when('deployments/web', (found) => expect(at(found, 'status.availableReplicas')).toBe(2));
  await world.eventually(async () => expect(at((await world.list('endpointslices'))[0], 'endpoints')).toHaveLength(2));
});
