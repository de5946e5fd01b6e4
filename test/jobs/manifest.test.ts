import { describe, expect, test } from 'vitest';
import { buildJob } from '../../src/jobs/manifest.ts';
import { specHash } from '../../src/jobs/spec.ts';
import { buildSpec } from '../helpers/launch-world.ts';

const build = (over: Parameters<typeof buildSpec>[0] = {}) => buildJob(buildSpec(over), { name: 'flea-aggregator-a1' });
const podOf = (over: Parameters<typeof buildSpec>[0] = {}) => build(over).spec?.template.spec;
const envOf = (over: Parameters<typeof buildSpec>[0] = {}) =>
  Object.fromEntries(
    (podOf(over)?.containers[0]?.env ?? []).map(({ name, value, valueFrom }) => [
      name,
      value ?? valueFrom?.secretKeyRef,
    ]),
  );

test('the whole manifest of a plain aggregation', () => {
  const labels = {
    'app.kubernetes.io/managed-by': 'tensorio-trigger',
    'app.kubernetes.io/name': 'tensorio-models-aggregator',
    'tensorio-trigger/run': 'a1',
  };
  const annotations = { 'tensorio-trigger/aggregation-id': 'a1', 'tensorio-trigger/spec-hash': specHash(buildSpec()) };
  expect(build()).toEqual({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'flea-aggregator-a1', namespace: 'models', labels, annotations },
    spec: {
      completions: 1,
      parallelism: 1,
      backoffLimit: 1,
      activeDeadlineSeconds: 21_600,
      ttlSecondsAfterFinished: 604_800,
      podFailurePolicy: {
        rules: [{ action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] }],
      },
      podReplacementPolicy: 'Failed',
      template: {
        metadata: {
          labels,
          annotations: { 'cluster-autoscaler.kubernetes.io/safe-to-evict': 'false', ...annotations },
        },
        spec: {
          restartPolicy: 'Never',
          automountServiceAccountToken: false,
          securityContext: { seccompProfile: { type: 'RuntimeDefault' } },
          containers: [
            {
              name: 'aggregator',
              image: 'docai/flea-aggregator:1.0',
              imagePullPolicy: 'IfNotPresent',
              env: [
                { name: 'AGGREGATION_TYPE', value: 'cma' },
                { name: 'AGGREGATION_CKPTS_FILELIST', value: 'gs://models/list.txt' },
                { name: 'AGGREGATION_OUTPUT_PATH', value: 'gs://models/out' },
                { name: 'GOOGLE_APPLICATION_CREDENTIALS', value: '/etc/sacred/sacred.json' },
              ],
              securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
              terminationMessagePolicy: 'FallbackToLogsOnError',
              volumeMounts: [{ name: 'sacred', mountPath: '/etc/sacred', readOnly: true }],
            },
          ],
          volumes: [
            { name: 'sacred', secret: { secretName: 'sacred', items: [{ key: 'sacred.json', path: 'sacred.json' }] } },
          ],
        },
      },
    },
  });
});

describe('the environment', () => {
  test('of the later interface is complete, its tokens are references', () => {
    const env = envOf({
      aggregationType: 'wcma',
      resourcePath: '/models/m/hyperparameters/h/checkpoints/c',
      outputResourcePath: '/models/m/hyperparameters/h/checkpoints/d',
      repositoryUrl: 'https://repository',
      modelsToken: { secret: 'tokens', key: 'models' },
      repositoryApiKey: { secret: 'tokens', key: 'api' },
      exportType: 'bundle',
    });
    expect(env).toEqual({
      AGGREGATION_TYPE: 'WeightedCumulativeMovingAverage',
      AGGREGATION_CKPTS_FILELIST: 'gs://models/list.txt',
      AGGREGATION_OUTPUT_PATH: 'gs://models/out',
      GOOGLE_APPLICATION_CREDENTIALS: '/etc/sacred/sacred.json',
      AGGREGATION_RESOURCE_PATH: '/models/m/hyperparameters/h/checkpoints/c',
      AGGREGATION_OUTPUT_RESOURCE_PATH: '/models/m/hyperparameters/h/checkpoints/d',
      REPOSITORY: 'https://repository',
      TENSORIO_MODELS_TOKEN: { name: 'tokens', key: 'models' },
      REPOSITORY_API_KEY: { name: 'tokens', key: 'api' },
      AGGREGATION_EXPORT_TYPE: 'bundle',
    });
  });

  test('joins a mount path that ends in a slash', () => {
    expect(
      envOf({ serviceAccount: { secret: 's', key: 'k.json', mountPath: '/etc/sacred/' } })[
        'GOOGLE_APPLICATION_CREDENTIALS'
      ],
    ).toBe('/etc/sacred/k.json');
  });
});

test('the hash of a specification never changes: existing Jobs carry it', () => {
  expect(specHash(buildSpec({ nodeSelector: { '9': 'x', '10': 'y', '-z': 'w' } }))).toBe('b5976c5af5d78c78');
});

test('a non-root user is a setting beside the defaults', () => {
  expect(podOf({ podSecurityContext: { runAsNonRoot: true, runAsUser: 1000 } })?.securityContext).toEqual({
    runAsNonRoot: true,
    runAsUser: 1000,
    seccompProfile: { type: 'RuntimeDefault' },
  });
});

test.each([
  [{ outputPath: 'gs://ok/x --output-path gs://evil/y' }, 'aggregator.outputPath'],
  [{ checkpointsFilePath: 'gs://models/*' }, 'aggregator.checkpointsFilePath'],
  [{ resourcePath: '--resource-path=/x' }, 'aggregator.resourcePath'],
  [{ repositoryUrl: 'http://r/$(id)' }, 'aggregator.repositoryUrl'],
  [{ serviceAccount: { secret: 'sacred', key: 'k', mountPath: '/etc/a b' } }, 'aggregator.serviceAccount.mountPath'],
])('%o is no environment value: refused by the name of its field', (over, field) => {
  expect(() => build(over)).toThrow(new RegExp(`${field}: (contains|begins with) `));
});

describe('a setting', () => {
  test('spot selects, tolerates and may be evicted', () => {
    expect(podOf({ spot: true, nodeSelector: { disk: 'ssd' } })).toMatchObject({
      nodeSelector: { disk: 'ssd', 'cloud.google.com/gke-spot': 'true' },
      tolerations: [{ key: 'cloud.google.com/gke-spot', operator: 'Equal', value: 'true', effect: 'NoSchedule' }],
      terminationGracePeriodSeconds: 15,
    });
    expect(build({ spot: true }).spec?.template.metadata?.annotations).not.toHaveProperty(
      'cluster-autoscaler.kubernetes.io/safe-to-evict',
    );
  });

  test('queueName is born suspended, with the label', () => {
    const job = build({ queueName: 'gpu' });
    expect(job.spec?.suspend).toBe(true);
    expect(job.metadata?.labels).toMatchObject({ 'kueue.x-k8s.io/queue-name': 'gpu' });
  });

  test('serviceAccountName mounts its token', () => {
    expect(podOf({ serviceAccountName: 'aggregator' })).toMatchObject({
      serviceAccountName: 'aggregator',
      automountServiceAccountToken: true,
    });
  });

  test.each([
    [{ digest: `sha256:${'0'.repeat(64)}` }, `docai/flea-aggregator@sha256:${'0'.repeat(64)}`],
    [{ tag: '2.0' }, 'docai/flea-aggregator:2.0'],
  ])('image of %o', (over, image) => {
    expect(podOf(over)?.containers[0]?.image).toBe(image);
  });

  test('podLabels never replace ours', () => {
    expect(
      build({ podLabels: { 'tensorio-trigger/run': 'x', team: 'ml' } }).spec?.template.metadata?.labels,
    ).toMatchObject({
      'tensorio-trigger/run': 'a1',
      team: 'ml',
    });
  });

  test('a round’s attempt is labelled with its task and round', () => {
    const job = buildJob(buildSpec(), { name: 'x', task: { taskId: 'Ta sk', round: 3 } });
    expect(job.metadata?.labels).toMatchObject({
      'tensorio-trigger/round': '3',
      'tensorio-trigger/task': expect.stringMatching(/^ta-sk-[0-9a-f]{10}$/),
    });
  });
});
