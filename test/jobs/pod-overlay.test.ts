import type { V1PodSpec } from '@kubernetes/client-node';
import { describe, expect, test } from 'vitest';
import { strategicMerge } from '../../infra/local/kubernetes/patch/strategic.ts';
import { mergePodSpec } from '../../src/jobs/pod-overlay.ts';
import { buildJob } from '../../src/jobs/manifest.ts';
import { allowanceIssues } from '../../src/jobs/allowed.ts';
import type { JsonObject } from '../../src/values/json.ts';
import { buildSpec } from '../helpers/launch-world.ts';

const POD: V1PodSpec = {
  nodeSelector: { disk: 'ssd' },
  tolerations: [{ key: 'a', operator: 'Exists' }],
  imagePullSecrets: [{ name: 'registry' }],
  volumes: [{ name: 'sacred', secret: { secretName: 'sacred' } }],
  containers: [
    {
      name: 'aggregator',
      image: 'docai/flea-aggregator:1',
      env: [{ name: 'A', value: '1' }],
      volumeMounts: [{ name: 'sacred', mountPath: '/etc/sacred' }],
      securityContext: { capabilities: { drop: ['ALL'] } },
    },
  ],
};

/** Lists in the order of their merge keys: Kubernetes puts new entries first, the overlay puts them last. */
const sorted = (value: unknown): unknown => {
  if (Array.isArray(value))
    return value.map(sorted).toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, member]) => [key, sorted(member)]),
  );
};

describe('an overlay merges as a strategic merge patch does', () => {
  test.each<[string, JsonObject]>([
    ['a field', { terminationGracePeriodSeconds: 5 }],
    ['a mapping', { nodeSelector: { zone: 'a' } }],
    ['an atomic list', { tolerations: [{ key: 'b', operator: 'Exists' }] }],
    [
      'a new volume and its mount',
      {
        volumes: [{ name: 'scratch', emptyDir: {} }],
        containers: [{ name: 'aggregator', volumeMounts: [{ name: 'scratch', mountPath: '/scratch' }] }],
      },
    ],
    ['a variable of a container', { containers: [{ name: 'aggregator', env: [{ name: 'B', value: '2' }] }] }],
    ['a changed variable', { containers: [{ name: 'aggregator', env: [{ name: 'A', value: '2' }] }] }],
    ['a sidecar', { containers: [{ name: 'proxy', image: 'proxy:1' }] }],
    ['an init container', { initContainers: [{ name: 'wait', image: 'busybox' }] }],
    ['a deleted entry', { imagePullSecrets: [{ name: 'registry', $patch: 'delete' }] }],
    ['a replaced mapping', { nodeSelector: { $patch: 'replace', zone: 'a' } }],
    ['a replaced list', { volumes: [{ $patch: 'replace' }, { name: 'x', emptyDir: {} }] }],
    ['null', { nodeSelector: null }],
    [
      'a primitive list',
      { containers: [{ name: 'aggregator', securityContext: { capabilities: { drop: ['NET_RAW'] } } }] },
    ],
  ])('%s', (_name, overlay) => {
    const wanted = strategicMerge('core.PodSpec', JSON.parse(JSON.stringify(POD)), overlay);
    expect(sorted(mergePodSpec(POD, overlay))).toEqual(sorted(wanted));
  });

  test('new entries come last', () => {
    const merged = mergePodSpec(POD, { containers: [{ name: 'proxy', image: 'proxy:1' }] });
    expect(merged.containers.map(({ name }) => name)).toEqual(['aggregator', 'proxy']);
  });
});

describe('the overlay of a Job', () => {
  const build = (pod: JsonObject) => buildJob(buildSpec({ pod }), { name: 'x' });

  test('is merged over the pod that the other fields make', () => {
    const pod = build({ runtimeClassName: 'gvisor', containers: [{ name: 'aggregator', tty: false }] }).spec?.template
      .spec;
    expect(pod).toMatchObject({
      runtimeClassName: 'gvisor',
      restartPolicy: 'Never',
      containers: [{ name: 'aggregator', image: 'docai/flea-aggregator:1.0', tty: false }],
    });
  });

  test.each([
    [
      { containers: [{ name: 'aggregator', env: [{ name: 'AGGREGATION_OUTPUT_PATH', value: 'gs://evil/x' }] }] },
      'aggregator.pod: changes AGGREGATION_OUTPUT_PATH of the container "aggregator"; set aggregator.outputPath instead',
    ],
    [
      { containers: [{ name: 'aggregator', $patch: 'delete' }] },
      'aggregator.pod: changes AGGREGATION_TYPE of the container "aggregator"',
    ],
    [
      { containers: [{ name: 'aggregator', env: [{ name: 'EXTRA', value: 'a b' }] }] },
      'aggregator.pod: the variable EXTRA contains white space',
    ],
  ])('%o is refused', (overlay, words) => {
    expect(() => build(overlay)).toThrow(words);
  });

  test.each([
    [{ containers: [{ name: 'proxy', image: 'evil/x:1' }] }],
    [{ initContainers: [{ name: 'first', image: 'evil/x@sha256:00' }] }],
    [{ containers: [{ name: 'aggregator', image: 'evil/x' }] }],
    [{ volumes: [{ name: 'v', image: { reference: 'evil/x:1' } }] }],
  ])('its images are held to ALLOWED_IMAGES: %o', (overlay) => {
    const spec = buildSpec({ pod: overlay });
    const pod = buildJob(spec, { name: 'x' }).spec?.template.spec;
    const allowed = { namespaces: ['models'], images: ['docai/flea-aggregator'], buckets: ['models'] };
    expect(allowanceIssues(allowed, spec, pod)).toEqual([
      { path: 'aggregator.pod', message: expect.stringContaining('image "evil/x" is not allowed by ALLOWED_IMAGES') },
    ]);
  });
});
