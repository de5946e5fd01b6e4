import { describe, expect, test } from 'vitest';
import { ForbiddenError } from '../../src/errors.ts';
import type { Powers } from '../../src/functions/powers.ts';
import { assertPowers } from '../../src/functions/powers.ts';
import type { AggregatorValues } from '../../src/values/aggregator-schema.ts';
import { AggregatorSchema } from '../../src/values/aggregator-schema.ts';

const NONE: Powers = { callerFields: [], repositoryUrls: [], serviceAccounts: [] };

/** The paths that are refused. */
const refused = (configured: AggregatorValues, requested: AggregatorValues, powers: Partial<Powers> = {}): string[] => {
  try {
    assertPowers(configured, requested, { ...NONE, ...powers });
    return [];
  } catch (error) {
    if (!(error instanceof ForbiddenError)) throw error;
    const { issues } = error.details;
    return Array.isArray(issues) ? issues.map(({ path }) => String(path)) : [];
  }
};

const SAMPLES = {
  imagePullSecrets: ['pull'],
  nodeSelector: { pool: 'gpu' },
  tolerations: [{ operator: 'Exists' }],
  affinity: { nodeAffinity: {} },
  priorityClassName: 'system-node-critical',
  serviceAccountName: 'admin',
  podLabels: { inject: 'true' },
  podAnnotations: { 'sidecar.example.com/image': 'evil' },
  podSecurityContext: { runAsUser: 0 },
  securityContext: { privileged: true },
  queueName: 'fast',
  spot: true,
  pod: { spec: { hostNetwork: true } },
  repositoryUrl: 'https://evil.example/v1',
  modelsToken: { secret: 'tokens', key: 'models' },
  repositoryApiKey: { secret: 'tokens', key: 'api' },
} as unknown as AggregatorValues;

const OF_CALLERS = {
  release: true,
  releaseName: 'r',
  repository: 'docai/flea',
  tag: '1',
  digest: 'sha256:0',
  pullPolicy: 'Always',
  aggregationId: 'a',
  checkpointsFilePath: 'gs://b/l',
  outputPath: 'gs://b/o',
  onOutputExists: 'replace',
  aggregationType: 'cma',
  serviceAccount: { secret: 's', key: 'k', mountPath: '/m' },
  resourcePath: '/models/m',
  outputResourcePath: '/models/m',
  exportType: 'bundle',
  resources: { limits: { cpu: '1' } },
  activeDeadlineSeconds: 1,
  backoffLimit: 1,
  ttlSecondsAfterFinished: 1,
  schedule: 'nightly',
  concurrencyPolicy: 'Forbid',
} as unknown as AggregatorValues;

test('every field of the schema is the caller’s or the operator’s', () => {
  const known = [...Object.keys(SAMPLES), ...Object.keys(OF_CALLERS)].toSorted();
  expect(known).toEqual(Object.keys(AggregatorSchema.shape).toSorted());
});

test('a caller sets what is its own', () => {
  expect(refused({}, OF_CALLERS)).toEqual([]);
});

describe.each(Object.entries(SAMPLES))('aggregator.%s', (field, value) => {
  const path = `aggregator.${field}`;
  const set = { [field]: value } as AggregatorValues;
  test.each<[string, AggregatorValues, AggregatorValues, Partial<Powers>, string[]]>([
    ['is refused where it is not configured', {}, set, {}, [path]],
    ['passes where it is as configured', set, { ...set }, {}, []],
    ['is refused where the call removes it', set, {}, {}, [path]],
    ['passes where it is empty', {}, { [field]: {} }, {}, []],
    ['passes where CALLER_FIELDS lists it', {}, set, { callerFields: [path] }, []],
    ['is refused where CALLER_FIELDS lists another', {}, set, { callerFields: ['aggregator.tag'] }, [path]],
  ])('%s', (_name, configured, requested, powers, paths) => {
    expect(refused(configured, requested, powers)).toEqual(paths);
  });
});

describe('the allow-lists', () => {
  const url = (repositoryUrl: string): AggregatorValues => ({ repositoryUrl });
  test.each<[AggregatorValues, Partial<Powers>, boolean]>([
    [url('https://a.example/v1'), { repositoryUrls: ['https://a.example/v1'] }, true],
    [url('https://a.example/v1'), { repositoryUrls: ['https://a.example/'] }, true],
    [url('https://a.example.evil/v1'), { repositoryUrls: ['https://a.example'] }, false],
    [url('https://a.example/v1'), { serviceAccounts: ['https://a.example/v1'] }, false],
    [{ serviceAccountName: 'trainer' }, { serviceAccounts: ['trainer'] }, true],
    [{ serviceAccountName: 'trainer2' }, { serviceAccounts: ['trainer'] }, false],
  ])('%o with %o passes: %s', (requested, powers, passes) => {
    expect(refused({}, requested, powers)).toHaveLength(passes ? 0 : 1);
  });
});

test('the refusal names the field and the variables', () => {
  expect(() => assertPowers({}, { serviceAccountName: 'admin', spot: true }, NONE)).toThrow(
    /aggregator\.serviceAccountName .*ALLOWED_SERVICE_ACCOUNTS.*CALLER_FIELDS.*aggregator\.spot .*CALLER_FIELDS/,
  );
});
