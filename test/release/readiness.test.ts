import type { V1ContainerStatus, V1Pod } from '@kubernetes/client-node';
import { describe, expect, test } from 'vitest';
import type { KubeObject } from '../../src/cluster/release-port.ts';
import { assessDeployment, assessService } from '../../src/release/readiness.ts';
import type { DeploymentFacts, DeploymentObject, Seen, ServiceObject } from '../../src/release/readiness.ts';

const deployment = (status: DeploymentObject['status'] = {}, replicas = 2): DeploymentObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'd', uid: 'd-uid', generation: 3, annotations: { 'deployment.kubernetes.io/revision': '2' } },
  spec: { replicas, progressDeadlineSeconds: 270, selector: {}, template: {} },
  status,
});

const replicaSet = (uid: string, revision: string, status: object = {}): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'ReplicaSet',
  status,
  metadata: {
    name: uid,
    uid,
    generation: 1,
    annotations: { 'deployment.kubernetes.io/revision': revision },
    ownerReferences: [{ uid: 'd-uid', kind: 'Deployment', name: 'd' }],
  },
});

const owner = (uid: string) => ({ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: uid, uid });

const pod = (status: Partial<V1ContainerStatus>, set = 'new', more: V1Pod['status'] = {}): V1Pod => ({
  metadata: { name: `pod-of-${set}`, ownerReferences: [owner(set)] },
  status: Object.assign({}, more, {
    containerStatuses: [{ name: 'c', image: 'x', imageID: '', ready: false, restartCount: 0, ...status }],
  }),
});

const waiting = (reason: string, restartCount = 0) => ({
  state: { waiting: { reason, message: 'why' } },
  restartCount,
});

const facts = (over: Partial<DeploymentFacts> = {}): DeploymentFacts => ({
  deployment: deployment({ observedGeneration: 3 }),
  generation: 3,
  replicaSets: [replicaSet('old', '1'), replicaSet('new', '2')],
  pods: [],
  hadStalled: false,
  ...over,
});

const NONE: Seen = new Map();
const READY = {
  observedGeneration: 3,
  replicas: 2,
  updatedReplicas: 2,
  readyReplicas: 2,
  availableReplicas: 2,
  conditions: [{ type: 'Available', status: 'True' }],
};

describe('a Deployment is ready', () => {
  const rows: readonly (readonly [string, DeploymentObject['status'], number, string])[] = [
    ['when all counts are those wanted', READY, 2, 'ready'],
    ['not before its controller has seen the change', { ...READY, observedGeneration: 2 }, 2, 'waiting'],
    ['not while an old pod lives', { ...READY, replicas: 3 }, 2, 'waiting'],
    ['not while a pod is old', { ...READY, updatedReplicas: 1 }, 2, 'waiting'],
    ['not while a pod is unready', { ...READY, readyReplicas: 1 }, 2, 'waiting'],
    ['not while a pod is unavailable', { ...READY, availableReplicas: 1 }, 2, 'waiting'],
    ['not without the condition', { ...READY, conditions: [] }, 2, 'waiting'],
    ['with no pods where none are wanted', { observedGeneration: 3, conditions: READY.conditions }, 0, 'ready'],
  ];
  test.each(rows)('%s', (_what, status, replicas, kind) => {
    expect(assessDeployment(facts({ deployment: deployment(status, replicas) }), NONE, 0).verdict.kind).toBe(kind);
  });

  test('not when it is gone', () => {
    expect(assessDeployment(facts({ deployment: null }), NONE, 0).verdict).toMatchObject({ kind: 'waiting' });
  });
});

describe('a rollout has failed', () => {
  const rows: readonly (readonly [string, number, number, boolean])[] = [
    ['InvalidImageName', 0, 0, true],
    ['ErrImageNeverPull', 0, 0, true],
    ['CreateContainerConfigError', 0, 19_999, false],
    ['CreateContainerConfigError', 0, 20_000, true],
    ['CreateContainerError', 0, 20_000, true],
    ['RunContainerError', 0, 20_000, true],
    ['ErrImagePull', 0, 44_999, false],
    ['ImagePullBackOff', 0, 45_000, true],
    ['CrashLoopBackOff', 2, 600_000, false],
    ['CrashLoopBackOff', 3, 0, true],
    ['ContainerCreating', 0, 600_000, false],
    ['PodInitializing', 0, 600_000, false],
  ];
  test.each(rows)('%s after %i restarts, %i ms later: %s', (reason, restarts, laterMs, failed) => {
    const pods = [pod(waiting(reason, restarts))];
    const first = assessDeployment(facts({ pods }), NONE, 1_000);
    const later = assessDeployment(facts({ pods }), first.seen, 1_000 + laterMs);
    expect(later.verdict.kind).toBe(failed ? 'failed' : 'waiting');
  });

  test('by an init container, too', () => {
    const init = pod({}, 'new', {});
    const status = {
      name: 'init',
      image: 'x',
      imageID: '',
      ready: false,
      ...waiting('InvalidImageName'),
    };
    const pods = [Object.assign({}, init, { status: { initContainerStatuses: [status] } })];
    expect(assessDeployment(facts({ pods }), NONE, 0).verdict).toMatchObject({
      kind: 'failed',
      cause: 'InvalidImageName',
    });
  });

  test('never by a pod of an old ReplicaSet, nor by one that is being deleted', () => {
    const old = pod(waiting('InvalidImageName'), 'old');
    const dying = pod(waiting('InvalidImageName'));
    const metadata = Object.assign({}, dying.metadata, { deletionTimestamp: new Date(0) });
    const pods = [old, Object.assign({}, dying, { metadata })];
    expect(assessDeployment(facts({ pods }), NONE, 0)).toMatchObject({ verdict: { kind: 'waiting' }, troubles: [] });
  });

  test('a pull that fails, backs off and fails again is one trouble; one that is over begins anew', () => {
    const at = (reason: string, seen: Seen, nowMs: number) =>
      assessDeployment(facts({ pods: [pod(waiting(reason))] }), seen, nowMs);
    const first = at('ErrImagePull', NONE, 0);
    const second = at('ImagePullBackOff', first.seen, 30_000);
    expect(at('ErrImagePull', second.seen, 45_000).verdict.kind).toBe('failed');
    const over = at('ContainerCreating', second.seen, 40_000);
    expect(at('ErrImagePull', over.seen, 50_000).verdict.kind).toBe('waiting');
  });

  test('when its controller says so: no progress, or pods that cannot be made', () => {
    const message = 'pods "a" is forbidden: violates PodSecurity "restricted"';
    const condition = (type: string, reason: string) => ({ type, status: 'True', reason, message });
    const progress = { observedGeneration: 3, conditions: [condition('Progressing', 'ProgressDeadlineExceeded')] };
    const failure = { observedGeneration: 3, conditions: [condition('ReplicaFailure', 'FailedCreate')] };
    const ofSet = { observedGeneration: 1, conditions: [condition('ReplicaFailure', 'FailedCreate')] };
    const sets = (older: object, newer: object): Partial<DeploymentFacts> => ({
      replicaSets: [replicaSet('old', '1', older), replicaSet('new', '2', newer)],
    });
    const of = (status: DeploymentObject['status'], more: Partial<DeploymentFacts> = {}) =>
      assessDeployment(facts({ deployment: deployment(status), ...more }), NONE, 0).verdict;
    expect(of(progress)).toMatchObject({ kind: 'failed', cause: 'ProgressDeadlineExceeded' });
    expect(of(progress, { hadStalled: true })).toMatchObject({ kind: 'waiting' });
    expect(of(progress, { generation: 4 })).toMatchObject({ kind: 'waiting' });
    expect(of(failure, sets({}, ofSet))).toMatchObject({
      kind: 'failed',
      cause: 'ReplicaFailure',
      why: expect.stringContaining('violates PodSecurity'),
    });
    // The Deployment's condition is of any of its sets: an old one's pods are none of this rollout's.
    expect(of(failure, sets(ofSet, {}))).toMatchObject({ kind: 'waiting' });
    // A set that is scaled once more tells of before until its controller has seen that.
    expect(of(failure, sets({}, { ...ofSet, observedGeneration: 0 }))).toMatchObject({ kind: 'waiting' });
  });

  test.each([
    'pods "a" is forbidden: exceeded quota: pods, requested: pods=1, used: pods=2, limited: pods=2',
    'Internal error occurred: failed calling webhook "a.example.com": connection refused',
  ])('pods that cannot be created for now are waited for: %s', (message) => {
    const conditions = [{ type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message }];
    const replicaSets = [replicaSet('new', '2', { observedGeneration: 1, conditions })];
    const { verdict } = assessDeployment(
      facts({ deployment: deployment({ observedGeneration: 3 }), replicaSets }),
      NONE,
      0,
    );
    expect(verdict).toMatchObject({ kind: 'waiting', why: expect.stringContaining(message) });
  });

  test('an unschedulable pod is reported, and does not end the wait', () => {
    const conditions = [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: 'no memory' }];
    const pods = [Object.assign(pod({}), { status: { conditions } })];
    const { verdict, troubles } = assessDeployment(facts({ pods }), NONE, 0);
    expect(verdict).toMatchObject({ kind: 'waiting', why: expect.stringContaining('Unschedulable: no memory') });
    expect(troubles).toMatchObject([{ reason: 'Unschedulable' }]);
  });
});

describe('a Service is ready', () => {
  const service = (spec: ServiceObject['spec'], status: ServiceObject['status'] = {}): ServiceObject => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 's' },
    spec,
    status,
  });
  const slice = (ready: boolean | undefined) => ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 's-1' },
    endpoints: [{ conditions: ready === undefined ? {} : { ready } }],
  });
  const balancer = { type: 'LoadBalancer', clusterIP: '10.0.0.1' };
  const rows: readonly (readonly [
    string,
    ServiceObject | null,
    readonly ReturnType<typeof slice>[],
    number,
    string,
  ])[] = [
    ['with an address and a ready endpoint', service({ clusterIP: '10.0.0.1' }), [slice(true)], 1, 'ready'],
    ['with an endpoint that says nothing', service({ clusterIP: '10.0.0.1' }), [slice(undefined)], 1, 'ready'],
    ['not without an address', service({ clusterIP: '' }), [slice(true)], 1, 'waiting'],
    ['not without a ready endpoint', service({ clusterIP: '10.0.0.1' }), [slice(false)], 1, 'waiting'],
    ['without endpoints where no pods are wanted', service({ clusterIP: '10.0.0.1' }), [], 0, 'ready'],
    ['not as a load balancer without address', service(balancer), [slice(true)], 1, 'waiting'],
    [
      'as a load balancer with one',
      service(balancer, { loadBalancer: { ingress: [{ ip: '1.2.3.4' }] } }),
      [slice(true)],
      1,
      'ready',
    ],
    ['not when it is gone', null, [], 1, 'waiting'],
  ];
  test.each(rows)('%s', (_what, object, slices, replicas, kind) => {
    expect(assessService(object, slices, replicas).kind).toBe(kind);
  });
});
