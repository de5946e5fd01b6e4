import type { V1ContainerStatus, V1Pod } from '@kubernetes/client-node';
import { expect, test } from 'vitest';
import type { ReleaseCluster } from '../../src/cluster/release-port.ts';
import { collectEvidence } from '../../src/release/rollout.ts';
import { createDeps, createMemoryWorld } from './world.ts';

const podOf = (status: Partial<V1ContainerStatus>): V1Pod => ({
  metadata: {
    name: 'p',
    uid: 'p',
    ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 's', uid: 's' }],
  },
  spec: { containers: [{ name: 'flea' }] },
  status: { containerStatuses: [{ name: 'flea', image: 'i', imageID: '', ready: false, restartCount: 0, ...status }] },
});

const evidenceOf = async (pod: V1Pod) => {
  const world = createMemoryWorld();
  const cluster: ReleaseCluster = {
    ...world.cluster,
    podLog: async (_namespace, _pod, { previous }) => (previous === true ? 'of the run before' : 'of this run'),
    listEvents: async () => [],
  };
  const site = { release: 'demo', namespace: world.namespace, signal: AbortSignal.timeout(60_000) };
  const owned = { uid: 'd', apiVersion: 'apps/v1', kind: 'Deployment', name: 'd' };
  const metadata = { name: 'd', uid: 'd', generation: 1 };
  const deployment = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata,
    spec: { selector: {}, template: {} },
    status: { observedGeneration: 1 },
  };
  const replicaSets = [
    { apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata: { name: 's', uid: 's', ownerReferences: [owned] } },
  ];
  const facts = [{ deployment, generation: 1, replicaSets, pods: [pod], hadStalled: false }];
  return collectEvidence(createDeps(world, cluster), site, { readiness: [], troubles: [], seen: new Map(), facts });
};

test('for a container between two crashes, the crash and the log of the crashed container are reported', async () => {
  const lastState = { terminated: { exitCode: 137, reason: 'OOMKilled' } };
  const pod = podOf({ state: { running: {} }, lastState, restartCount: 3 });
  expect(await evidenceOf(pod)).toEqual([
    {
      pod: 'p',
      container: 'flea',
      reason: 'OOMKilled',
      message: 'the container ended and was restarted',
      exitCode: 137,
      restarts: 3,
      log: 'of the run before',
    },
  ]);
});

test('a container that runs and is not ready is reported with its log', async () => {
  expect(await evidenceOf(podOf({ state: { running: {} } }))).toMatchObject([
    { reason: 'NotReady', restarts: 0, log: 'of this run' },
  ]);
});
