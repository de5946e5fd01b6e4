import { describe, expect, test } from 'vitest';
import { PreflightError } from '../../src/errors.ts';
import { assertSecrets, missingSecrets, requiredSecrets } from '../../src/jobs/secrets.ts';
import { createMemoryCluster } from '../helpers/memory-cluster.ts';

const pod = {
  containers: [
    {
      name: 'c',
      env: [
        { name: 'A', valueFrom: { secretKeyRef: { name: 'tokens', key: 'a' } } },
        { name: 'B', valueFrom: { secretKeyRef: { name: 'tokens', key: 'b', optional: true } } },
        { name: 'C', value: 'plain' },
      ],
      envFrom: [{ secretRef: { name: 'whole' } }, { secretRef: { name: 'maybe', optional: true } }],
    },
  ],
  initContainers: [{ name: 'i', env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'tokens', key: 'c' } } }] }],
  volumes: [
    { name: 'v', secret: { secretName: 'sacred', items: [{ key: 'sacred.json', path: 'x' }] } },
    { name: 'o', secret: { secretName: 'absent', optional: true } },
  ],
  imagePullSecrets: [{ name: 'pull' }],
};

test('every Secret and key of a pod and of checkSecrets is required once', () => {
  const checks = [
    { name: 'sacred', keys: [{ key: 'sacred.json', displayName: 'service account' }, { key: 'sacred.pem' }] },
    { name: 'sacred', namespace: 'other', keys: [{ key: 'x' }] },
  ];
  expect(requiredSecrets('ns', [pod], checks)).toEqual([
    { namespace: 'ns', name: 'tokens', keys: [{ key: 'c' }, { key: 'a' }] },
    { namespace: 'ns', name: 'whole', keys: [] },
    {
      namespace: 'ns',
      name: 'sacred',
      keys: [{ key: 'sacred.json', displayName: 'service account' }, { key: 'sacred.pem' }],
    },
    { namespace: 'ns', name: 'pull', keys: [] },
    { namespace: 'other', name: 'sacred', keys: [{ key: 'x' }] },
  ]);
});

describe('what is missing', () => {
  const cluster = createMemoryCluster({ now: () => new Date(0) });
  cluster.setSecret('ns', 'partial', ['a']);
  cluster.setSecret('ns', 'full', ['a', 'b']);
  const required = [
    { namespace: 'ns', name: 'partial', keys: [{ key: 'a' }, { key: 'b.json', displayName: 'the key' }] },
    { namespace: 'ns', name: 'full', keys: [{ key: 'a' }] },
    { namespace: 'ns', name: 'absent', keys: [{ key: 'x' }, { key: "it's" }] },
  ];

  test('comes with a command each', async () => {
    expect(await missingSecrets(cluster, required)).toEqual([
      {
        namespace: 'ns',
        secret: 'partial',
        absent: false,
        keys: [{ key: 'b.json', displayName: 'the key' }],
        command:
          'kubectl create secret generic partial --namespace ns --from-file=b.json=./b.json --dry-run=client -o yaml | kubectl apply --server-side -f -',
      },
      {
        namespace: 'ns',
        secret: 'absent',
        absent: true,
        keys: [{ key: 'x' }, { key: "it's" }],
        command: String.raw`kubectl create secret generic absent --namespace ns --from-file=x=./x '--from-file=it'\''s=./it'\''s'`,
      },
    ]);
  });

  test('is told in one error', async () => {
    const error = await assertSecrets(cluster, required).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(PreflightError);
    expect(error).toMatchObject({
      status: 424,
      message: `Secret ns/partial has no key "b.json" (the key); Secret ns/absent does not exist (needs "x", "it's").`,
    });
  });

  test('nothing missing is silent', async () => {
    await expect(
      assertSecrets(cluster, [{ namespace: 'ns', name: 'full', keys: [{ key: 'b' }] }]),
    ).resolves.toBeUndefined();
  });
});
