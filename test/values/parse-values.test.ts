import { describe, expect, test } from 'vitest';
import type { JsonObject, JsonValue } from '../../src/values/json.ts';
import { parseValues } from '../../src/values/parse-values.ts';
import { refusalOf } from './refusal.ts';

const aggregator = (fields: JsonObject): JsonObject => ({ aggregator: fields });
const issuesOf = (document: JsonObject): Record<string, string> =>
  Object.fromEntries(refusalOf(() => parseValues(document)).issues.map(({ path, message }) => [path, message]));

describe('values', () => {
  test('may be empty, and lists are never absent', () => {
    expect(parseValues({})).toEqual({ checkSecrets: [], rounds: [], lists: [], schedules: [] });
  });

  test('treat a key without a value as absent, as helm does', () => {
    expect(parseValues({ namespace: null, aggregator: { tag: null, resources: { limits: null } } })).toMatchObject({
      aggregator: { resources: {} },
    });
  });

  test('may contain helm’s global section, which is dropped', () => {
    expect(parseValues({ global: { anything: [1] } })).not.toHaveProperty('global');
  });

  test('have one form for all notations', () => {
    const values = parseValues({
      checkSecrets: [{ name: 'a', keys: ['x', { key: 'y', displayName: 'Y' }] }],
      aggregator: {
        resources: { limits: { cpu: 1, memory: '4Gi', 'nvidia.com/gpu': 2 }, requests: { cpu: 0.5 } },
        imagePullSecrets: ['a', { name: 'b' }],
      },
    });
    expect(values.checkSecrets).toEqual([{ name: 'a', keys: [{ key: 'x' }, { key: 'y', displayName: 'Y' }] }]);
    expect(values.aggregator?.resources).toEqual({
      limits: { cpu: '1', memory: '4Gi', 'nvidia.com/gpu': '2' },
      requests: { cpu: '0.5' },
    });
    expect(values.aggregator?.imagePullSecrets).toEqual(['a', 'b']);
  });

  test('of an aggregator may contain every field', () => {
    const fields = {
      release: true,
      releaseName: 'flea-aggregator',
      repository: 'docai/flea-aggregator',
      tag: '1.10',
      digest: `sha256:${'a'.repeat(64)}`,
      pullPolicy: 'IfNotPresent',
      imagePullSecrets: ['regcred'],
      aggregationId: 'aggregation-{date}-{time}',
      checkpointsFilePath: 'gs://bucket/{schedule}/{tick}.txt',
      outputPath: 'gs://bucket/out/',
      aggregationType: 'WeightedCumulativeMovingAverage',
      serviceAccount: { secret: 's', key: 'k.json', mountPath: '/etc/sacred/' },
      resourcePath: '/models/m/hyperparameters/h/checkpoints/c',
      outputResourcePath: '/models/m/hyperparameters/h/checkpoints/d',
      repositoryUrl: 'https://models.example.com/v1/repository',
      modelsToken: { secret: 's', key: 't' },
      repositoryApiKey: { secret: 's', key: 'a' },
      exportType: 'bundle',
      nodeSelector: { 'cloud.google.com/gke-nodepool': 'p' },
      tolerations: [
        { key: 'a', operator: 'Equal', value: 'b', effect: 'NoExecute', tolerationSeconds: 60 },
        { operator: 'Exists' },
      ],
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [{ matchExpressions: [{ key: 'a', operator: 'In', values: ['b'] }] }],
          },
        },
        podAntiAffinity: {
          preferredDuringSchedulingIgnoredDuringExecution: [
            {
              weight: 1,
              podAffinityTerm: { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { a: 'b' } } },
            },
          ],
        },
      },
      priorityClassName: 'low',
      serviceAccountName: 'aggregator',
      podLabels: { team: 'a', 'app.kubernetes.io/part-of': 'b' },
      podAnnotations: { 'example.com/note': 'any\ntext', empty: '' },
      podSecurityContext: { runAsUser: 1000, fsGroup: 1000, seccompProfile: { type: 'RuntimeDefault' } },
      securityContext: {
        readOnlyRootFilesystem: true,
        privileged: false,
        capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] },
      },
      pod: { containers: [{ name: 'aggregator', volumeMounts: [{ name: 'scratch', mountPath: '/scratch' }] }] },
      queueName: 'team-a',
      spot: false,
      activeDeadlineSeconds: 1,
      backoffLimit: 0,
      ttlSecondsAfterFinished: 0,
      schedule: 'nightly',
      concurrencyPolicy: 'Forbid',
    };
    expect(parseValues(aggregator(fields)).aggregator).toEqual(fields);
  });
});

describe('an aggregator field', () => {
  test.each<[string, JsonValue, string]>([
    ['tag', 1.1, 'put it in quotes'],
    ['tag', true, 'put it in quotes'],
    ['tag', ['x'], 'is a list'],
    ['tag', { a: 1 }, 'is a mapping'],
    ['tag', 'a/b', '"a/b" is not an image tag'],
    ['tag', 'x@sha256:1', 'is not an image tag'],
    ['tag', '', 'is not an image tag'],
    ['repository', 'docai/flea:1', 'without tag and digest'],
    ['digest', 'sha256:abc', 'is not an image digest'],
    ['pullPolicy', 'always', 'did you mean Always?'],
    ['release', 'yes', 'write true, without quotes'],
    ['release', 'off', 'write false, without quotes'],
    ['release', 'maybe', 'write true or false'],
    ['spot', 1, 'write true, without quotes'],
    ['aggregationId', 20240101, 'put it in quotes'],
    ['aggregationId', 'a/b', 'is not an aggregationId'],
    ['aggregationId', 'x-{dat}', 'did you mean {date}?'],
    ['aggregationId', 'x-{date', 'a brace without its partner'],
    ['checkpointsFilePath', '/tmp/list.txt', 'not a gs:// path'],
    ['checkpointsFilePath', 'gs://bucket', 'there is no object name'],
    ['outputPath', 'gs://bucket/../x', '".." segment'],
    ['outputPath', 'gs://bucket/{round}', '{round}, which is no placeholder'],
    ['outputPath', 'gs://ok/x --output-path gs://evil/y', 'contains white space'],
    ['checkpointsFilePath', 'gs://bucket/*.txt', 'contains the character *'],
    ['resourcePath', '/models/m;id', 'contains the character ;'],
    ['outputResourcePath', '-x', 'begins with "-"'],
    ['repositoryUrl', "http://host/'a'", "contains the character '"],
    ['aggregationType', 'mean', 'write one of cma, wcma'],
    ['aggregationType', 'wmca', 'did you mean wcma?'],
    ['aggregationType', 'WCMA', 'did you mean wcma?'],
    ['exportType', 'bundel', 'did you mean bundle?'],
    ['backoffLimit', 11, 'at most 10'],
    ['backoffLimit', -1, 'at least 0'],
    ['backoffLimit', 1.5, 'write a whole number'],
    ['backoffLimit', '1', 'write 1, without quotes'],
    ['backoffLimit', 'one', 'write a whole number'],
    ['activeDeadlineSeconds', 0, 'at least 1'],
    ['ttlSecondsAfterFinished', 2 ** 31, 'at most 2147483647'],
    ['resources', 'x', 'is text: write a mapping'],
    ['imagePullSecrets', 'x', 'is text: write a list'],
    ['tolerations', { key: 'a' }, 'is a mapping: write a list'],
    ['queueName', 'Team A', 'is not a name'],
    ['concurrencyPolicy', 'forbid', 'did you mean Forbid?'],
  ])('%s: %j is rejected: %s', (field, value, words) => {
    expect(issuesOf(aggregator({ [field]: value }))[`aggregator.${field}`]).toContain(words);
  });

  test.each<[JsonObject, string, string]>([
    [{ resources: { limits: { memory: '4gb' } } }, 'resources.limits.memory', '"4gb" is not a quantity'],
    [{ resources: { limits: { 'a b': 1 } } }, 'resources.limits["a b"]', 'is not the name of a resource'],
    [
      { resources: { limits: { cpu: '500m' }, requests: { cpu: 1 } } },
      'resources.requests.cpu',
      'more than aggregator.resources.limits.cpu (500m)',
    ],
    [{ nodeSelector: { a: true } }, 'nodeSelector.a', 'put it in quotes'],
    [{ podLabels: { 'job-name': 'x' } }, 'podLabels.job-name', 'is set by this service or by Kubernetes itself'],
    [
      { podAnnotations: { 'tensorio-trigger/x': 'x' } },
      'podAnnotations["tensorio-trigger/x"]',
      'is set by this service',
    ],
    [{ podLabels: { a: 'x y' } }, 'podLabels.a', 'is not a label value'],
    [{ securityContext: { privileged: true } }, 'securityContext.privileged', 'can only be false'],
    [
      { securityContext: { capabilities: { add: ['SYS_ADMIN'] } } },
      'securityContext.capabilities.add[0]',
      'NET_BIND_SERVICE',
    ],
    [{ affinity: ['x'] }, 'affinity', 'is a list: write a mapping'],
    [{ pod: { hostNetwork: true } }, 'pod.hostNetwork', 'would share its node'],
    [{ pod: { volumes: [{ name: 'x', hostPath: { path: '/' } }] } }, 'pod.volumes[0].hostPath', 'files of its node'],
    [
      { pod: { initContainers: [{ name: 'x', securityContext: { privileged: true } }] } },
      'pod.initContainers[0].securityContext.privileged',
      'can only be false',
    ],
    [
      { pod: { containers: [{ name: 'x', ports: [{ containerPort: 1, hostPort: 1 }] }] } },
      'pod.containers[0].ports[0].hostPort',
      'port of the node',
    ],
    [{ imagePullSecrets: [{ nam: 'x' }] }, 'imagePullSecrets[0].nam', 'did you mean "name"?'],
    [{ serviceAccount: { secret: 's', key: 'k', mountPath: 'x' } }, 'serviceAccount.mountPath', 'absolute path'],
    [{ serviceAccount: { secret: 's', key: 'k', mountPath: '/a b' } }, 'serviceAccount.mountPath', 'white space'],
  ])('%j is rejected at %s', (fields, path, words) => {
    expect(issuesOf(aggregator(fields))[`aggregator.${path}`]).toContain(words);
  });

  test.each<[JsonObject, string]>([
    [{ modelsToken: 'hunter2' }, 'is given as plain text'],
    [{ modelsToken: 42 }, 'is given as plain text'],
    [{ modelsToken: ['hunter2'] }, 'is not a reference to a key of a Secret'],
    [{ modelsToken: { secret: 'hunter2 x', key: 'k' } }, 'is not the name of a Secret'],
    [{ repositoryApiKey: { secret: 's', key: 'hunter2/' } }, 'is not a key of a Secret'],
    [{ serviceAccount: 'hunter2' }, 'is not a reference to a Secret'],
    [{ repositoryUrl: 'https://user:hunter2@host/' }, 'without user'],
    [{ repositoryUrl: 'https://host/?key=hunter2' }, 'query'],
    [{ resources: 'hunter2' }, 'is text'],
    [{ unknown: 'hunter2' }, 'is not a key'],
  ])('%j is rejected and not quoted', (fields, words) => {
    const refusal = refusalOf(() => parseValues(aggregator(fields)));
    expect(refusal.message).toContain(words);
    expect(refusal.message + JSON.stringify(refusal.issues)).not.toMatch(/hunter2|42/);
  });
});

describe('an unknown key', () => {
  test.each<[JsonObject, string, string]>([
    [{ agregator: {} }, 'agregator', 'did you mean "aggregator"?'],
    [{ tag: 'x' }, 'tag', 'belongs under aggregator or repository.deployment or flea.deployment'],
    [{ aggregator: { reportGoal: 1 } }, 'aggregator.reportGoal', 'belongs under rounds[]'],
    [{ aggregator: { namespace: 'x' } }, 'aggregator.namespace', 'belongs under the top level'],
    [{ aggregator: { env: {} } }, 'aggregator.env', 'known here: release, releaseName'],
    [{ repository: { replicas: 1 } }, 'repository.replicas', 'belongs under repository.deployment or flea.deployment'],
    [{ flea: { service: { resPort: 1 } } }, 'flea.service.resPort', 'did you mean "restPort"?'],
    [{ checkSecrets: [{ name: 'a', key: 'x', keys: ['a'] }] }, 'checkSecrets[0].key', 'did you mean "keys"?'],
  ])('%j is named, with what was meant', (document, path, words) => {
    expect(issuesOf(document)[path]).toContain(words);
  });
});

describe('services', () => {
  const image = { repository: 'docai/flea', tag: 'x' };
  test.each<[JsonObject, Record<string, string>]>([
    [
      { repository: { release: true } },
      {
        'repository.deployment.repository': 'is missing',
        'repository.deployment.tag': 'is missing',
        'repository.deployment.backend': 'memory or gcs',
      },
    ],
    [
      { repository: { release: true, deployment: { ...image, backend: 'gcs' } } },
      { 'repository.deployment.repositoryGcsBucket': 'is missing' },
    ],
    [
      { flea: { release: true, deployment: { ...image, backend: 'gcs', fleaGcsBucket: 'bucket' } } },
      {
        'flea.deployment.fleaUploadGcsBucket': 'is missing',
        'flea.deployment.serviceAccount.pemFile': 'signs upload URLs',
        'flea.deployment.serviceAccount.googleAccessId': 'signs upload URLs',
      },
    ],
    [{ flea: { service: { grpcPort: 1, restPort: 1 } } }, { 'flea.service.restPort': 'flea.service.grpcPort' }],
    [{ flea: { service: { routing: 'gateway' } } }, { 'flea.service.gateway': 'name the Gateway' }],
    [{ flea: { deployment: { replicas: 'two' } } }, { 'flea.deployment.replicas': 'write a whole number' }],
    [
      { repository: { deployment: { repositoryGcsBucket: 123 } } },
      { 'repository.deployment.repositoryGcsBucket': 'put it in quotes' },
    ],
    [
      { repository: { deployment: { repositoryGcsBucket: 'gs://x' } } },
      { 'repository.deployment.repositoryGcsBucket': 'without gs://' },
    ],
    [
      { repository: { service: { restPort: 65536, hostname: 'a b' } } },
      { 'repository.service.restPort': 'at most 65535', 'repository.service.hostname': 'a host name' },
    ],
    [{ flea: { deployment: { modelsUri: 'models' } } }, { 'flea.deployment.modelsUri': 'http(s)://' }],
    [
      { flea: { deployment: { modelsUri: 'https://models.example.com/rest' } } },
      { 'flea.deployment.modelsUri': '/v1/repository' },
    ],
  ])('%j cannot work', (document, expected) => {
    const issues = issuesOf(document);
    expect(Object.keys(issues).toSorted()).toEqual(Object.keys(expected).toSorted());
    for (const [path, words] of Object.entries(expected)) expect(issues[path]).toContain(words);
  });

  test('that are not released may be incomplete, as in Cloud Build', () => {
    expect(() =>
      parseValues({
        repository: { deployment: { tag: 'x' } },
        flea: { deployment: { tag: 'x' } },
        aggregator: { tag: 'x' },
      }),
    ).not.toThrow();
  });
});

describe('schedules and checkSecrets', () => {
  test.each<[JsonObject, string, string]>([
    [{ schedules: [{ name: 'a', cron: '* * *' }] }, 'schedules[0].cron', 'unix-cron'],
    [{ schedules: [{ name: 'a b', cron: '* * * * *' }] }, 'schedules[0].name', 'Cloud Scheduler'],
    [{ schedules: [{ name: 'a', cron: '* * * * *', timeZone: '+01:00' }] }, 'schedules[0].timeZone', 'IANA'],
    [
      {
        schedules: [
          { name: 'a', cron: '* * * * *' },
          { name: 'a', cron: '1 * * * *' },
        ],
      },
      'schedules[1].name',
      'schedules[0].name',
    ],
    [{ schedules: [1] }, 'schedules[0]', 'is the number 1: write a mapping'],
    [{ checkSecrets: [{ name: 'a', keys: [] }] }, 'checkSecrets[0].keys', 'at least 1 entr'],
    [{ checkSecrets: [{ name: 'A', keys: ['a'] }] }, 'checkSecrets[0].name', 'is not a name'],
    [{ checkSecrets: [{ keys: ['a/b', { displayName: 'x' }] }] }, 'checkSecrets[0].keys[1].key', 'is missing'],
  ])('%j is rejected at %s', (document, path, words) => {
    expect(issuesOf(document)[path]).toContain(words);
  });
});

describe('an error about values', () => {
  test('contains all issues, and at most a hundred', () => {
    const many = Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`unknown${n}`, n]));
    const refusal = refusalOf(() =>
      parseValues({ namespace: 'A', aggregator: { tag: 1, ...many }, rounds: [{ reportGoal: 1, minReports: 2 }] }),
    );
    expect(refusal.issues).toHaveLength(100);
    expect(refusal.message).toContain('and 90 more');
  });

  test('about the number of entries comes first', () => {
    expect(refusalOf(() => parseValues({ rounds: Array(20_000).fill(1) })).message).toContain(
      'more than 20000 entries',
    );
    expect(issuesOf({ rounds: Array(101).fill({}) })['rounds']).toContain('at most 100 entries');
  });
});

describe('a service takes the settings of Kubernetes in the form of Kubernetes', () => {
  const issuesOf = (repository: JsonObject) => refusalOf(() => parseValues({ repository })).issues;

  test.each<[JsonObject, string, string]>([
    [
      { deployment: { resources: {} } },
      'repository.deployment.resources',
      'write repository.deployment.pod.containers: [{name: repository, resources: ...}]',
    ],
    [
      { deployment: { nodeSelector: {} } },
      'repository.deployment.nodeSelector',
      'write repository.deployment.pod.nodeSelector',
    ],
    [{ deployment: { strategy: {} } }, 'repository.deployment.strategy', 'write repository.deployment.spec.strategy'],
    [{ deployment: { spec: { replicas: 2 } } }, 'repository.deployment.spec.replicas', 'write deployment.replicas'],
    [{ deployment: { pod: { hostNetwork: true } } }, 'repository.deployment.pod.hostNetwork', 'is refused'],
    [{ service: { spec: { selector: {} } } }, 'repository.service.spec.selector', 'selects the pods'],
    [
      { deployment: { replicas: 2 }, autoscaling: { maxReplicas: 3 } },
      'repository.deployment.replicas',
      'beside repository.autoscaling, which sets the number of pods',
    ],
  ])('%j', (repository, path, message) => {
    expect(issuesOf(repository)).toEqual([{ path, message: expect.stringContaining(message) }]);
  });
});
