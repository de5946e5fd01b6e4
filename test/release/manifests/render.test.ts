import { stringify } from 'yaml';
import { describe, expect, test } from 'vitest';
import type { KubeObject } from '../../../src/cluster/release-port.ts';
import type { RenderContext } from '../../../src/release/manifests/component.ts';
import { renderRelease } from '../../../src/release/manifests/render.ts';
import type { JsonObject } from '../../../src/values/json.ts';
import type { Example } from '../values.ts';
import { exampleValues } from '../values.ts';

const context: RenderContext = { release: 'demo', namespace: 'default', restartedAt: {} };

const render = (name: Example, over: JsonObject = {}, more: Partial<RenderContext> = {}): KubeObject[] =>
  renderRelease(exampleValues(name, over), { ...context, ...more });

const yaml = (objects: readonly KubeObject[]): string =>
  objects.map((object) => `---\n${stringify(object, { aliasDuplicateObjects: false, singleQuote: true })}`).join('');

const found = (objects: readonly KubeObject[], kind: string, name: string): string => {
  const object = objects.find((one) => one.kind === kind && one.metadata.name === name);
  return stringify(object, { aliasDuplicateObjects: false, singleQuote: true });
};

describe('a values file of the chart becomes the same objects every time', () => {
  test.each(['basic', 'gcs', 'checkSecrets'] as const)('values.%s.yaml', async (name) => {
    await expect(yaml(render(name))).toMatchFileSnapshot(`../golden/${name}.yaml`);
  });

  test('routes as Emissary Mappings', async () => {
    const over = { repository: { service: { routing: 'mapping' } }, flea: { service: { routing: 'none' } } };
    await expect(yaml(render('basic', over))).toMatchFileSnapshot('../golden/mapping.yaml');
  });

  test('routes as an HTTPRoute', async () => {
    const service = {
      routing: 'gateway',
      hostname: 'Models.Example.com:8443',
      gateway: { name: 'public', namespace: 'gateways' },
    };
    const over = { repository: { service }, flea: null };
    await expect(yaml(render('basic', over))).toMatchFileSnapshot('../golden/gateway.yaml');
  });

  test('every field beyond the chart', async () => {
    const deployment = {
      tag: null,
      digest: `sha256:${'a'.repeat(64)}`,
      authTokensSecret: { secret: 'tokens', key: 'AuthTokens.txt' },
      podLabels: { team: 'a' },
      podAnnotations: { note: 'x' },
      metadata: { labels: { team: 'a' }, annotations: { owner: 'x' } },
      spec: { strategy: { type: 'Recreate' }, progressDeadlineSeconds: 120 },
      pod: {
        imagePullSecrets: [{ name: 'registry' }],
        nodeSelector: { pool: 'models' },
        tolerations: [{ key: 'dedicated', operator: 'Exists', effect: 'NoSchedule' }],
        priorityClassName: 'high',
        serviceAccountName: 'models',
        securityContext: { runAsNonRoot: true },
        containers: [
          {
            name: 'repository',
            env: [{ name: 'LOG', value: 'debug' }],
            resources: { requests: { cpu: 1, memory: '1Gi' } },
            securityContext: { readOnlyRootFilesystem: true },
            readinessProbe: { periodSeconds: 5 },
            lifecycle: { preStop: { sleep: { seconds: 5 } } },
          },
          { name: 'sidecar', image: 'docai/sidecar:1' },
        ],
      },
    };
    const service = {
      timeoutMs: 90_500,
      annotations: { 'networking.gke.io/load-balancer-type': 'Internal' },
      spec: { sessionAffinity: 'ClientIP', ports: [{ port: 7317, nodePort: 30_080 }] },
    };
    const policies = {
      podDisruptionBudget: { minAvailable: 1 },
      networkPolicy: { ingress: [{ from: [{ podSelector: {} }] }] },
      autoscaling: { maxReplicas: 3 },
    };
    const objects = render(
      'basic',
      { repository: { deployment: { ...deployment, replicas: null }, service, ...policies }, flea: null },
      { restartedAt: { repository: '2026-01-02T03:04:05Z' } },
    );
    await expect(yaml(objects)).toMatchFileSnapshot('../golden/all-fields.yaml');
  });
});

describe('names', () => {
  test('nameOverride and fullnameOverride as the chart applies them', () => {
    const label = 'app.kubernetes.io/name';
    const [service, deployment] = render('checkSecrets', { nameOverride: 'models' });
    expect(service?.metadata.name).toBe('demo-models-repository');
    expect(deployment?.metadata).toMatchObject({ name: 'demo-repository', labels: { [label]: 'models-repository' } });
    const [named, other] = render('checkSecrets', { fullnameOverride: 'front' });
    expect(named?.metadata).toMatchObject({
      name: 'front-repository',
      labels: { [label]: 'tensorio-models-repository' },
    });
    expect(other?.metadata.name).toBe('demo-repository');
  });

  test('a release that names the chart is its own full name', () => {
    const names = render('checkSecrets', {}, { release: 'my-tensorio-models' }).map(({ metadata }) => metadata.name);
    expect(names).toEqual(['my-tensorio-models-repository', 'my-tensorio-models-repository']);
  });

  test('Services come first, then Deployments, then routes', () => {
    const over = { repository: { service: { routing: 'mapping' } } };
    expect(render('basic', over).map(({ kind }) => kind)).toEqual([
      'Service',
      'Service',
      'Deployment',
      'Deployment',
      'Mapping',
      'Mapping',
    ]);
  });
});

describe('the environment', () => {
  test('flea alone needs no repository in the values, and reads the base URL that is given', () => {
    const over = {
      repository: null,
      flea: { deployment: { modelsUri: 'https://models.example.com/rest/v1/repository' } },
    };
    const objects = render('gcs', over);
    expect(objects.map(({ metadata }) => metadata.name)).toEqual(['demo-tensorio-models-flea', 'demo-flea']);
    expect(found(objects, 'Deployment', 'demo-flea')).toContain(
      'value: https://models.example.com/rest/v1/repository\n',
    );
  });

  test('without a host name flea points to the repository’s Service', () => {
    const objects = render('basic', { repository: { service: { hostname: null } } });
    expect(found(objects, 'Deployment', 'demo-flea')).toContain(
      'value: http://demo-tensorio-models-repository.default.svc:7317/v1/repository\n',
    );
    expect(found(objects, 'Service', 'demo-tensorio-models-repository')).not.toContain('getambassador');
  });

  test('a token file is mounted where authTokensFile says, or at a path of ours', () => {
    const secret = { secret: 'tokens', key: 'list' };
    const at = found(
      render('basic', { repository: { deployment: { authTokensSecret: secret } } }),
      'Deployment',
      'demo-repository',
    );
    expect(at).toContain('mountPath: /etc/tokens\n');
    expect(at).toContain('path: AuthTokens.txt');
    const own = { authTokensSecret: secret, authTokensFile: null };
    const ours = found(render('basic', { repository: { deployment: own } }), 'Deployment', 'demo-repository');
    expect(ours).toContain('value: /etc/tensorio-models/tokens/list');
  });

  test('flea appends /models/... to MODELS_URI, which the repository serves below /v1/repository', () => {
    const uriOf = (service: JsonObject): string =>
      found(render('basic', { repository: { service } }), 'Deployment', 'demo-flea');
    expect(uriOf({})).toContain('value: http://models.example.com/rest/v1/repository\n');
    expect(uriOf({ routing: 'none' })).toContain('value: http://models.example.com/v1/repository\n');
  });

  test('the whole Secret is mounted, as the chart does: a token file may be another of its keys', () => {
    const objects = render('gcs');
    for (const name of ['demo-repository', 'demo-flea']) {
      const text = found(objects, 'Deployment', name);
      expect(text).toContain('secretName: tensorio-models');
      expect(text).not.toContain('items:');
    }
  });
});

describe('Workload Identity', () => {
  test('flea with backend gcs signs with keys from the Secret and mounts no key file', () => {
    const account = { secret: 'signing', key: null, mountPath: null, pemFile: 'pem', googleAccessId: 'id' };
    const over = { flea: { deployment: { pod: { serviceAccountName: 'flea' }, serviceAccount: account } } };
    const text = found(render('gcs', over), 'Deployment', 'demo-flea');
    expect(text).toContain('name: PRIVATE_PEM_KEY');
    expect(text).toContain('name: GOOGLE_ACCESS_ID');
    expect(text).not.toContain('GOOGLE_APPLICATION_CREDENTIALS');
    expect(text).not.toContain('volumeMounts');
    expect(text).not.toContain('volumes');
  });
});

describe('settings that the values leave out', () => {
  test('are not applied: replicas may be an autoscaler’s, the type of the Service its default', () => {
    const over = { repository: { deployment: { replicas: null }, service: { type: null } } };
    const objects = render('basic', over);
    expect(found(objects, 'Deployment', 'demo-repository')).not.toContain('replicas:');
    expect(found(objects, 'Service', 'demo-tensorio-models-repository')).not.toContain('type:');
  });

  test('progressDeadlineSeconds is applied only when it is set', () => {
    expect(found(render('basic'), 'Deployment', 'demo-flea')).not.toContain('progressDeadlineSeconds');
    const over = { flea: { deployment: { spec: { progressDeadlineSeconds: 120 } } } };
    expect(found(render('basic', over), 'Deployment', 'demo-flea')).toContain('progressDeadlineSeconds: 120');
  });
});
