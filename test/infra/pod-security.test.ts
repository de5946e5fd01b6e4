import { setTimeout as pause } from 'node:timers/promises';
import type { V1Job } from '@kubernetes/client-node';
import { beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { buildAttempt } from '../../src/rounds/attempt-job.ts';
import { buildJob } from '../../src/jobs/manifest.ts';
import { renderRelease } from '../../src/release/manifests/render.ts';
import type { JsonObject } from '../../src/values/json.ts';
import { parseValues } from '../../src/values/parse-values.ts';
import { buildSpec } from '../helpers/launch-world.ts';
import { describeReal } from '../real/describe-real.ts';
import { exampleValues } from '../release/values.ts';

const NON_ROOT = { runAsNonRoot: true, runAsUser: 65_532 };

const AGGREGATOR = {
  podSecurityContext: NON_ROOT,
  repository: 'docai/flea-aggregator',
  tag: '1.0',
  aggregationType: 'cma',
  resourcePath: '/models/M/hyperparameters/H/checkpoints/C',
  outputResourcePath: '/models/M/hyperparameters/H/checkpoints/D',
  repositoryUrl: 'https://models.example.com/v1/repository',
  modelsToken: { secret: 'tokens', key: 'models' },
  exportType: 'bundle',
  repositoryApiKey: { secret: 'tokens', key: 'repository' },
  serviceAccount: { secret: 'sacred', key: 'sacred.json', mountPath: '/etc/sacred' },
};

const EventsSchema = z.object({
  items: z.array(z.object({ reason: z.string().optional(), message: z.string().optional() })),
});
const TemplateSchema = z.object({ template: z.object({ spec: z.looseObject({}) }) });
const PodsSchema = z.object({ items: z.array(z.object({ metadata: z.object({ name: z.string() }) })) });

describeReal('Pod Security "restricted", enforced by a real API server', (real) => {
  let namespace = '';
  beforeAll(async () => {
    namespace = `${real().namespace}-restricted`;
    const labels = {
      'pod-security.kubernetes.io/enforce': 'restricted',
      'pod-security.kubernetes.io/enforce-version': 'latest',
    };
    await real().api.send('POST', '/api/v1/namespaces', { metadata: { name: namespace, labels } });
  });

  /** `admitted` when the Job has its pod, else what the API server said to the Job controller. */
  const outcomeOf = async (job: V1Job): Promise<string> => {
    const { api } = real();
    const name = job.metadata?.name ?? '';
    await api.send('POST', `/apis/batch/v1/namespaces/${namespace}/jobs`, job);
    for (const endsAt = Date.now() + 20_000; Date.now() < endsAt; await pause(50)) {
      const pods = await api.send('GET', `/api/v1/namespaces/${namespace}/pods?labelSelector=job-name%3D${name}`);
      if (PodsSchema.parse(pods.json).items.length > 0) return 'admitted';
      const events = await api.send(
        'GET',
        `/api/v1/namespaces/${namespace}/events?fieldSelector=involvedObject.name%3D${name}`,
      );
      const refused = EventsSchema.parse(events.json).items.find(({ reason }) => reason === 'FailedCreate');
      if (refused !== undefined) return refused.message ?? 'refused';
    }
    return 'no pod and no event after 20 s';
  };

  test('the pod of a run with a configured non-root user is admitted', async () => {
    const spec = buildSpec({ namespace, podSecurityContext: NON_ROOT });
    await expect(outcomeOf(buildJob(spec, { name: 'run' }))).resolves.toBe('admitted');
  });

  test('the pod of a run without one is refused for its user alone: the image decides it', async () => {
    const refusal = await outcomeOf(buildJob(buildSpec({ namespace }), { name: 'image-user' }));
    expect(refusal).toMatch(/violates PodSecurity "restricted:latest": runAsNonRoot != true/);
    expect(refusal).not.toMatch(/allowPrivilegeEscalation|unrestricted capabilities|seccompProfile|volume/);
  });

  test('the pod of a spot run with Workload Identity and no Secret is admitted', async () => {
    const { serviceAccount: _none, ...spec } = buildSpec({
      namespace,
      spot: true,
      serviceAccountName: 'aggregator',
      podSecurityContext: NON_ROOT,
    });
    await expect(outcomeOf(buildJob(spec, { name: 'spot' }))).resolves.toBe('admitted');
  });

  test('the pod of an attempt of a round, with everything that values can ask for, is admitted', async () => {
    const values = parseValues({ aggregator: AGGREGATOR });
    const job = buildAttempt(
      { values, defaults: { namespace, releaseName: 'flea' }, stateUri: { bucket: 'state', name: '' } },
      't1',
      { round: 1, attempt: 1, outputPaths: ['gs://models/out'] },
    );
    await expect(outcomeOf(job)).resolves.toBe('admitted');
  });

  test('a pod whose values ask for root is refused: the profile is enforced', async () => {
    const job = buildJob(buildSpec({ namespace, podSecurityContext: { runAsNonRoot: false, runAsUser: 0 } }), {
      name: 'root',
    });
    await expect(outcomeOf(job)).resolves.toMatch(/violates PodSecurity "restricted:latest"/);
  });

  /** What the API server says to the pods of a release's Deployments. */
  const verdictsOf = async (securityContext: JsonObject): Promise<readonly string[]> => {
    const deployment = { tag: 'ok', pod: { securityContext } };
    const values = exampleValues('gcs', { repository: { deployment }, flea: { deployment } });
    const objects = renderRelease(values, { release: 'demo', namespace, restartedAt: {} });
    const templates = objects.flatMap(({ kind, spec }) =>
      kind === 'Deployment' ? [TemplateSchema.parse(spec).template.spec] : [],
    );
    const path = `/api/v1/namespaces/${namespace}/pods?dryRun=All`;
    return Promise.all(
      templates.map((spec, index) =>
        real()
          .api.send('POST', path, { metadata: { name: `service-${index}` }, spec })
          .then(() => 'admitted', String),
      ),
    );
  };

  test('the pods of services are admitted once their values say that they run as another than root', async () => {
    await expect(verdictsOf(NON_ROOT)).resolves.toEqual(['admitted', 'admitted']);
  });

  test('nothing else keeps them out: their images may need root, which the values do not decide for them', async () => {
    const verdicts = await verdictsOf({});
    expect(verdicts).toHaveLength(2);
    for (const verdict of verdicts) {
      expect(verdict).toContain('runAsNonRoot != true');
      expect(verdict).not.toMatch(/allowPrivilegeEscalation|unrestricted capabilities|seccompProfile|volume/);
    }
  });
});
