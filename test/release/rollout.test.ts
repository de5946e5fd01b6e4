import { describe, expect, test } from 'vitest';
import type { KubeObject, ReleaseCluster } from '../../src/cluster/release-port.ts';
import type { DeploymentObject } from '../../src/release/readiness.ts';
import { awaitRollout, observe } from '../../src/release/rollout.ts';
import { createDeps, createMemoryWorld } from './world.ts';

type Conditions = NonNullable<NonNullable<DeploymentObject['status']>['conditions']>;

const at = (second: number): Date => new Date(Date.UTC(2026, 0, 1, 0, 0, second));

const stalled = (replicaSet: string, since: Date): Conditions => [
  {
    type: 'Progressing',
    status: 'False',
    reason: 'ProgressDeadlineExceeded',
    message: `ReplicaSet "${replicaSet}" has timed out progressing.`,
    lastTransitionTime: since,
  },
];

const deployment = (generation: number, conditions: Conditions, ready = false): DeploymentObject & KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'demo-repository', namespace: 'default', uid: 'd', generation },
  spec: { replicas: 1, progressDeadlineSeconds: 270, selector: { matchLabels: { app: 'demo' } }, template: {} },
  status: {
    observedGeneration: generation,
    conditions: ready ? [{ type: 'Available', status: 'True' }] : conditions,
    ...(ready && { replicas: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1 }),
  },
});

/** A cluster where the Deployment looks as each of `looks` in turn, the last one for good. */
const worldOf = (...looks: readonly KubeObject[]) => {
  const world = createMemoryWorld();
  let count = 0;
  const cluster: ReleaseCluster = {
    ...world.cluster,
    getObject: async () => looks[Math.min((count += 1), looks.length) - 1] ?? null,
    listObjects: async () => [],
    listPods: async () => [],
  };
  const site = { release: 'demo', namespace: world.namespace, signal: AbortSignal.timeout(60_000) };
  return { deps: createDeps(world, cluster), site };
};

describe('the controller’s "no progress" is of the rollout', () => {
  const before = stalled('demo-repository-old', at(1));
  const rows: readonly (readonly [string, Conditions, Conditions, string])[] = [
    ['before, when it stood there as the object was applied', before, before, 'waiting'],
    ['now, when nothing of it was there', [], before, 'failed'],
    ['now, when it names another ReplicaSet', before, stalled('demo-repository-new', at(1)), 'failed'],
    ['now, when it was said anew', before, stalled('demo-repository-old', at(300)), 'failed'],
  ];
  test.each(rows)('%s', async (_what, applied, live, kind) => {
    const { deps, site } = worldOf(deployment(4, live));
    const observation = await observe(deps, site, [deployment(4, applied)], new Map());
    expect(observation.readiness).toMatchObject([
      { verdict: { kind, ...(kind === 'failed' && { cause: 'ProgressDeadlineExceeded' }) } },
    ]);
  });

  test('a rollback over a stalled upgrade is waited for, and ends well', async () => {
    const looks = [deployment(4, before), deployment(4, before), deployment(4, [], true)];
    const { deps, site } = worldOf(...looks);
    const wait = { waitSec: 300, between: async () => undefined };
    const end = await awaitRollout(deps, site, [deployment(4, before)], wait);
    expect(end.kind).toBe('ready');
  });

  test('one that never gets further runs out of time, and does not wait forever', async () => {
    const { deps, site } = worldOf(deployment(4, before));
    const wait = { waitSec: 300, between: async () => undefined };
    const end = await awaitRollout(deps, site, [deployment(4, before)], wait);
    expect(end).toMatchObject({ kind: 'failed', cause: 'timed-out' });
  });
});
