import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { parseConfig } from '../src/config.ts';

const GOOD = {
  STATE_URI: 'gs://state-bucket/tio/',
  ALLOWED_BUCKETS: 'uploads,models',
  GKE_CLUSTER: 'projects/p/locations/l/clusters/c',
};

const faultsOf = (env: Record<string, string | undefined>): Record<string, string> => {
  try {
    parseConfig(env);
    return {};
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error;
    return Object.fromEntries(error.issues.map(({ path, message }) => [path.join('.'), message]));
  }
};

test('the required variables, and the defaults of the others', () => {
  expect(parseConfig(GOOD)).toEqual({
    stateUri: { bucket: 'state-bucket', name: 'tio' },
    cluster: { kind: 'gke', cluster: 'projects/p/locations/l/clusters/c', endpoint: 'dns' },
    defaultNamespace: 'default',
    allowed: {
      namespaces: ['default'],
      images: ['docai/flea-aggregator', 'docai/tensorio-models', 'docai/flea'],
      buckets: ['uploads', 'models'],
    },
    powers: { callerFields: [], repositoryUrls: [], serviceAccounts: [] },
    releaseName: 'flea-aggregator',
    values: { kind: 'none' },
    requestTimeoutMs: 60_000,
    deployTimeoutMs: 3_540_000,
    upstreamTimeoutMs: 10_000,
  });
});

describe('the cluster', () => {
  const { GKE_CLUSTER: _cluster, ...rest } = GOOD;
  test.each([
    [
      { GKE_CLUSTER: 'projects/p/locations/l/clusters/c', GKE_ENDPOINT: 'private' },
      { kind: 'gke', endpoint: 'private' },
    ],
    [
      { CONNECT_GATEWAY: 'projects/12/locations/global/memberships/m' },
      { kind: 'gateway', projectNumber: '12', location: 'global', membership: 'm' },
    ],
    [{ KUBERNETES_ENDPOINT: 'https://gke-1.gke.goog' }, { kind: 'endpoint', server: 'https://gke-1.gke.goog' }],
    [
      { KUBECONFIG: '/k', KUBECONFIG_CONTEXT: 'c' },
      { kind: 'kubeconfig', path: '/k', context: 'c' },
    ],
  ])('%o', (env, cluster) => {
    expect(parseConfig({ ...rest, ...env }).cluster).toMatchObject(cluster);
  });
});

test.each([
  [{ ALLOWED_NAMESPACES: 'a, b' }, 'a', ['a', 'b']],
  [{ ALLOWED_NAMESPACES: 'a,b', NAMESPACE: 'b' }, 'b', ['a', 'b']],
  [{ NAMESPACE: 'x' }, 'x', ['x']],
])('%o gives the namespaces', (env, defaultNamespace, namespaces) => {
  expect(parseConfig({ ...GOOD, ...env })).toMatchObject({ defaultNamespace, allowed: { namespaces } });
});

test('all faults are reported at once, by the names of the variables', () => {
  expect(
    faultsOf({ STATE_URI: 's3://x', GKE_ENDPOINT: 'vpn', REQUEST_TIMEOUT_SEC: '0', VALUES: 'a: 1', VALUES_FILE: '/f' }),
  ).toEqual({
    STATE_URI: expect.stringContaining('not a gs:// path'),
    ALLOWED_BUCKETS: expect.stringContaining('is required'),
    GKE_ENDPOINT: 'must be dns, public or private',
    REQUEST_TIMEOUT_SEC: 'must be 1 to 3600 seconds',
    GKE_CLUSTER: expect.stringContaining('is required'),
    VALUES_FILE: 'contradicts VALUES: set one of them',
  });
});

test.each([
  [{ KUBECONFIG: '/k' }, 'KUBECONFIG'],
  [{ NAMESPACE: 'x', ALLOWED_NAMESPACES: 'a' }, 'NAMESPACE'],
  [{ NAMESPACE: 'X' }, 'NAMESPACE'],
  [{ ALLOWED_BUCKETS: 'gs://uploads' }, 'ALLOWED_BUCKETS'],
  [{ ALLOWED_BUCKETS: 'uploads,,models' }, 'ALLOWED_BUCKETS'],
  [{ ALLOWED_IMAGES: 'UPPER' }, 'ALLOWED_IMAGES'],
  [{ CALLER_FIELDS: 'nodeSelector' }, 'CALLER_FIELDS'],
  [{ ALLOWED_REPOSITORY_URLS: 'models.example.com' }, 'ALLOWED_REPOSITORY_URLS'],
  [{ ALLOWED_SERVICE_ACCOUNTS: 'a b' }, 'ALLOWED_SERVICE_ACCOUNTS'],
  [{ GKE_CLUSTER: 'c' }, 'GKE_CLUSTER'],
  [{ RELEASE_NAME: 'a_b' }, 'RELEASE_NAME'],
  [{ STORAGE_API_ENDPOINT: 'localhost' }, 'STORAGE_API_ENDPOINT'],
  [{ UPSTREAM_TIMEOUT_SEC: '1e3' }, 'UPSTREAM_TIMEOUT_SEC'],
  [{ UPSTREAM_TIMEOUT_SEC: '61' }, 'UPSTREAM_TIMEOUT_SEC'],
  [{ UPSTREAM_TIMEOUT_SEC: '31', REQUEST_TIMEOUT_SEC: '30' }, 'UPSTREAM_TIMEOUT_SEC'],
  [{ REQUEST_TIMEOUT_SEC: '9' }, 'UPSTREAM_TIMEOUT_SEC'],
  [{ STATE_URI: 'gs://b' }, 'STATE_URI'],
])('%o is rejected', (env, variable) => {
  expect(Object.keys(faultsOf({ ...GOOD, ...env }))).toEqual([variable]);
});

test('an empty variable counts as not set', () => {
  expect(parseConfig({ ...GOOD, KUBECONFIG: '', VALUES: '' }).values).toEqual({ kind: 'none' });
});
