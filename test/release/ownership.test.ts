import { describe, expect, test } from 'vitest';
import type { KubeObject, ManagedFields } from '../../src/cluster/release-port.ts';
import {
  asFound,
  isMovable,
  mayTake,
  moveFields,
  ownerOf,
  pathsOf,
  subtractFields,
  unionFields,
  valueAt,
} from '../../src/release/ownership.ts';

const live = (metadata: Partial<KubeObject['metadata']>): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 's', namespace: 'ns', ...metadata },
  spec: { clusterIP: '10.0.0.1', clusterIPs: ['10.0.0.1'], type: 'ClusterIP' },
});

const entry = (
  manager: string,
  fieldsV1: ManagedFields['fieldsV1'],
  over: Partial<ManagedFields> = {},
): ManagedFields => ({
  manager,
  operation: 'Update',
  apiVersion: 'v1',
  fieldsType: 'FieldsV1',
  ...(fieldsV1 !== undefined && { fieldsV1 }),
  ...over,
});

describe('the owner of an object', () => {
  const rows: readonly (readonly [string, Partial<KubeObject['metadata']>, object])[] = [
    ['ours', { labels: { 'tensorio-trigger/release': 'demo' } }, { kind: 'ours' }],
    ['of another release', { labels: { 'tensorio-trigger/release': 'x' } }, { kind: 'other-release', release: 'x' }],
    [
      'of helm 3',
      { annotations: { 'meta.helm.sh/release-name': 'r', 'meta.helm.sh/release-namespace': 'n' } },
      { kind: 'helm', release: 'r', namespace: 'n' },
    ],
    ['of helm 2', { labels: { heritage: 'Tiller', release: 'r' } }, { kind: 'helm', release: 'r', namespace: 'ns' }],
    ['of somebody', { managedFields: [entry('kubectl', {})] }, { kind: 'other', who: 'kubectl' }],
  ];
  test.each(rows)('%s', (_what, metadata, owner) => expect(ownerOf(live(metadata), 'demo', true)).toEqual(owner));
});

test('only helm’s, kubectl apply’s and our own fields may be taken', () => {
  const plain = live({});
  const helm = live({ labels: { 'app.kubernetes.io/managed-by': 'Helm' } });
  for (const manager of ['helm', 'Tiller', 'kubectl-client-side-apply', 'before-first-apply', 'tensorio-trigger'])
    expect(isMovable(plain, manager)).toBe(true);
  for (const manager of ['kubectl', 'kubectl-edit', 'kube-controller-manager', 'argocd-controller'])
    expect(isMovable(plain, manager)).toBe(false);
  expect(isMovable(plain, 'Go-http-client')).toBe(false);
  expect(isMovable(helm, 'Go-http-client')).toBe(true);
  const conflicts = [
    { field: 'a', manager: 'helm' },
    { field: 'b', manager: 'kubectl' },
  ];
  expect(mayTake(plain, conflicts, { adopt: true, force: false })).toBe(false);
  expect(mayTake(plain, conflicts, { adopt: false, force: true })).toBe(true);
});

test('the union of two sets of fields has the fields of both', () => {
  expect(unionFields({ 'f:a': { 'f:x': {} }, 'f:b': {} }, { 'f:a': { '.': {}, 'f:y': {} } })).toEqual({
    'f:a': { '.': {}, 'f:x': {}, 'f:y': {} },
    'f:b': {},
  });
});

test('movable managers’ fields become ours by Apply; others and subresources stay', () => {
  const status = entry('helm', { 'f:status': {} }, { subresource: 'status' });
  const scaler = entry('hpa', { 'f:spec': { 'f:replicas': {} } });
  const managedFields = [
    entry('helm', { 'f:spec': { 'f:type': {} } }),
    entry('tensorio-trigger', { 'f:spec': { 'f:ports': {} } }, { operation: 'Apply' }),
    scaler,
    status,
  ];
  const moved = moveFields(live({ managedFields })) ?? [];
  expect(moved).toMatchObject([
    { manager: 'tensorio-trigger', operation: 'Apply', fieldsV1: { 'f:spec': { 'f:type': {}, 'f:ports': {} } } },
    scaler,
    status,
  ]);
  expect(moveFields(live({ managedFields: moved }))).toBeNull();
});

test('as it was found, an object can be applied again: without what the cluster gave it', () => {
  const annotations = { 'deployment.kubernetes.io/revision': '3', note: 'x' };
  expect(asFound(live({ uid: 'u', resourceVersion: '9', annotations }), 'demo')).toEqual({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: 's',
      namespace: 'ns',
      labels: { 'tensorio-trigger/release': 'demo' },
      annotations: { note: 'x' },
    },
    spec: { type: 'ClusterIP' },
  });
});

describe('sets of fields', () => {
  const HELMS = {
    'f:metadata': { 'f:labels': { '.': {}, 'f:app': {}, 'f:chart': {} }, 'f:annotations': { '.': {} } },
    'f:spec': {
      'f:replicas': {},
      'f:ports': {
        'k:{"port":80,"protocol":"TCP"}': { '.': {}, 'f:name': {}, 'f:port': {} },
        'k:{"port":81,"protocol":"TCP"}': { '.': {}, 'f:name': {}, 'f:nodePort': {} },
      },
      'f:finalizers': { 'v:"x"': {} },
    },
  };

  test('what is left without those of another manager, as paths', () => {
    const ours = {
      'f:metadata': { 'f:labels': { 'f:app': {} } },
      'f:spec': { 'f:replicas': {}, 'f:ports': { 'k:{"port":81,"protocol":"TCP"}': { '.': {}, 'f:name': {} } } },
    };
    expect(pathsOf(subtractFields(HELMS, ours))).toEqual([
      'metadata.labels.chart',
      'spec.ports[80,TCP]',
      'spec.ports[81,TCP].nodePort',
      'spec.finalizers[x]',
    ]);
  });

  test('a set less itself is empty, less nothing is itself; a leaf is a field as a whole', () => {
    expect(subtractFields(HELMS, HELMS)).toEqual({});
    expect(subtractFields(HELMS, {})).toEqual(HELMS);
    expect(pathsOf(subtractFields(HELMS, { 'f:spec': {} }))).toEqual(['metadata.labels.app', 'metadata.labels.chart']);
  });
});

describe('the value at the path of a conflict', () => {
  const object = {
    metadata: { annotations: { 'getambassador.io/config': 'x', getambassador: 'y' }, finalizers: ['f'] },
    spec: {
      ports: [
        { port: 80, protocol: 'UDP', nodePort: 1 },
        { port: 80, protocol: 'TCP', nodePort: 2 },
      ],
      containers: [{ name: 'a]"b', image: 'i' }],
    },
  };
  test.each([
    ['spec.ports[port=80,protocol="TCP"].nodePort', 2],
    ['spec.containers[name="a]\\"b"].image', 'i'],
    ['metadata.annotations.getambassador.io/config', 'x'],
    ['metadata.finalizers[="f"]', 'f'],
    ['spec.ports[1].nodePort', 2],
    ['spec.absent.x', undefined],
  ])('%s', (path, value) => {
    expect(valueAt(object, path)).toEqual(value);
  });
});
