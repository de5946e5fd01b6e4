import { apply, get, jsonPatch, merge, post, put, remove, strategic } from '../step.ts';
import type { Json, Scenario, Step } from '../step.ts';

const deployments = '/apis/apps/v1/namespaces/$NS/deployments';
const replicaSets = '/apis/apps/v1/namespaces/$NS/replicasets';
const table = { ignore: ['description'], accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' };

const template: Json = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } };
const spec: Json = { replicas: 0, selector: { matchLabels: { a: 'b' } }, template };

/** The controllers write too, when they come to it. */
const settled: Pick<Step, 'ignore'> = { ignore: ['status', 'managedFields', 'annotations'] };

/** The message quotes the whole object with its version, or the key in etcd. */
const unversioned: Pick<Step, 'ignore'> = { ignore: ['message'] };

const faulty: readonly Json[] = [
  { selector: null },
  { selector: {} },
  { selector: { matchLabels: { 'bad key': 'b' } } },
  { selector: { matchLabels: { a: 'c' } } },
  { selector: { matchExpressions: [{ key: 'a', operator: 'In' }] } },
  { selector: { matchExpressions: [{ key: 'a', operator: 'In', values: ['b'] }] } },
  { selector: { matchExpressions: [{ key: 'a', operator: 'NotIn', values: ['b'] }] } },
  { selector: { matchExpressions: [{ key: 'a', operator: 'Foo' }] } },
  { replicas: -1 },
  { replicas: 'two' },
  { minReadySeconds: -1 },
  { template: null },
  { template: { spec: template['spec'] } },
  { template: { metadata: { labels: { a: 'b' } }, spec: { containers: [] } } },
  { template: { metadata: { labels: { a: 'b', 'x y': 'z' } }, spec: template['spec'] } },
  pod({ restartPolicy: 'Never' }),
  pod({ activeDeadlineSeconds: 5 }),
  pod({ containers: [{ name: 'C', image: '' }] }),
];

const faultyDeployments: readonly Json[] = [
  { progressDeadlineSeconds: 0 },
  { progressDeadlineSeconds: -1 },
  { minReadySeconds: 10, progressDeadlineSeconds: 10 },
  { revisionHistoryLimit: -1 },
  { strategy: { type: 'Foo' } },
  { strategy: { type: 'Recreate', rollingUpdate: { maxSurge: 1 } } },
  strategy({ maxSurge: 0, maxUnavailable: 0 }),
  strategy({ maxSurge: '0%', maxUnavailable: '0%' }),
  strategy({ maxSurge: -1 }),
  strategy({ maxSurge: 'x' }),
  strategy({ maxUnavailable: '101%' }),
  strategy({ maxUnavailable: '5' }),
  strategy({ maxSurge: '300%' }),
];

/** Deployments and ReplicaSets as they are stored and refused; what they do is in workloads/. */
export const workloadsScenario: Scenario = {
  name: 'workloads',
  steps: [
    dry(deployments, workload('d')),
    dry(deployments, workload('d', { paused: true, minReadySeconds: 3, strategy: { type: 'Recreate' } })),
    dry(deployments, { metadata: { name: 'd.e' }, spec }),
    dry(deployments, { metadata: { name: 'D' }, spec }),
    dry(deployments, { metadata: { name: 'd' } }),
    ...[...faulty, ...faultyDeployments].map((over) => dry(deployments, workload('d', over))),
    dry(replicaSets, workload('r', {}, 'ReplicaSet')),
    dry(replicaSets, { metadata: { name: 'r' } }),
    ...faulty.map((over) => dry(replicaSets, workload('r', over, 'ReplicaSet'))),
    post(deployments, workload('kept', { paused: true }), { ignore: ['status'] }),
    merge(`${deployments}/kept?dryRun=All`, { spec: { selector: { matchLabels: { a: 'c' } } } }),
    merge(`${deployments}/kept?dryRun=All`, { spec: { replicas: -2 } }),
    strategic(
      `${deployments}/kept?dryRun=All`,
      { spec: { strategy: { type: 'Recreate', rollingUpdate: null } } },
      settled,
    ),
    strategic(
      `${deployments}/kept?dryRun=All`,
      { spec: { strategy: { $retainKeys: ['type'], type: 'Recreate' } } },
      settled,
    ),
    jsonPatch(`${deployments}/kept?dryRun=All`, [{ op: 'replace', path: '/spec/replicas', value: 'x' }], unversioned),
    merge(`${deployments}/kept/status`, { status: { replicas: -1 } }),
    merge(`${deployments}/kept/status`, { status: { replicas: 1, updatedReplicas: 2, availableReplicas: 2 } }),
    put(`${deployments}/absent`, workload('absent')),
    get(`${deployments}/absent/scale`),
    put(`${deployments}/kept/scale?dryRun=All`, { metadata: { name: 'kept' }, spec: { replicas: -1 } }),
    put(`${deployments}/kept/scale?dryRun=All`, { metadata: { name: 'other' }, spec: { replicas: 1 } }),
    put(
      `${deployments}/kept/scale?dryRun=All`,
      { metadata: { name: 'kept', uid: 'x' }, spec: { replicas: 1 } },
      unversioned,
    ),
    merge(`${deployments}/kept/scale?dryRun=All`, { spec: { replicas: 'x' } }, unversioned),
    merge(`${deployments}/kept/scale?dryRun=All`, { metadata: { resourceVersion: '1' }, spec: { replicas: 4 } }),
    apply(`${deployments}/kept?fieldManager=other&dryRun=All`, {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'kept' },
      spec: { replicas: 3 },
    }),
    get(deployments, table),
    get(replicaSets, table),
    remove(`${deployments}/kept`),
    remove(`${deployments}/kept`),
  ],
};

function workload(name: string, over: Json = {}, kind = 'Deployment'): Json {
  return {
    apiVersion: 'apps/v1',
    kind,
    metadata: { name },
    spec: { ...spec, ...over },
  };
}

function strategy(rollingUpdate: Json): Json {
  return { strategy: { rollingUpdate } };
}

function pod(more: Json): Json {
  return { template: { ...template, spec: { ...Object(template['spec']), ...more } } };
}

/** Refused, or taken and gone again: the controllers come too late to be seen. */
function dry(path: string, body: Json): Step {
  return post(`${path}?dryRun=All`, body);
}
