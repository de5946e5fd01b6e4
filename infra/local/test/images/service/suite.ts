import { describe, expect, onTestFinished, test } from 'vitest';
import { serviceImages } from '../../../images/service/entries.ts';
import { createWorld, newName, PATIENCE_MS, until } from '../../kubelet/pod-world.ts';
import type { Target, World } from '../../kubelet/pod-world.ts';

interface Given {
  readonly image?: string;
  readonly env?: readonly object[];
  readonly container?: object;
  readonly pod?: object;
}

const tokens = { name: 'AUTH_TOKENS_FILE', value: '/etc/tokens/tokens.txt' };

/** A Deployment as the chart makes them. */
export function buildDeployment(name: string, service: string, { image, env = [], container, pod }: Given): object {
  return {
    metadata: { name },
    spec: {
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: {
          terminationGracePeriodSeconds: 2,
          containers: [
            {
              name: service,
              image: image ?? (service === 'flea' ? 'docai/flea:1.0' : 'docai/tensorio-models:1.0'),
              args: ['-backend', '$(BACKEND)'],
              env: [{ name: 'BACKEND', value: 'memory' }, ...env],
              ports: [
                { name: 'grpc', containerPort: service === 'flea' ? 8082 : 8080 },
                { name: 'rest', containerPort: service === 'flea' ? 8083 : 8081 },
              ],
              readinessProbe: probe(service),
              livenessProbe: probe(service),
              ...container,
            },
          ],
          ...pod,
        },
      },
    },
  };
}

function probe(service: string): object {
  return {
    httpGet: { path: `/v1/${service}/healthz`, port: 'rest' },
    periodSeconds: 1,
  };
}

export async function create(world: World, service: string, given: Given = {}): Promise<string> {
  const name = newName(service);
  const path = `/apis/apps/v1/namespaces/${world.namespace}/deployments`;
  await world.api.post(path, buildDeployment(name, service, given));
  onTestFinished(async () => {
    await world.api.delete(`${path}/${name}`, {});
  });
  return name;
}

/** The only pod of a Deployment. */
export async function podOf(world: World, name: string): Promise<string> {
  return until(async () => {
    const list: unknown = await world.api.get(`/api/v1/namespaces/${world.namespace}/pods`, {
      query: { labelSelector: `app=${name}` },
    });
    const [pod] = (list as { items: { metadata: { name: string } }[] }).items;
    if (pod === undefined) throw new Error(`${name} has no pod yet`);
    return pod.metadata.name;
  });
}

export async function withTokens(world: World): Promise<Given> {
  const name = newName('tokens');
  await world.create('secrets', { metadata: { name }, stringData: { 'tokens.txt': 'ModelsAdmin a FleaAdmin b' } });
  return mounted(name);
}

function mounted(secretName: string): Given {
  return {
    env: [tokens],
    container: { volumeMounts: [{ name: 'tokens', mountPath: '/etc/tokens' }] },
    pod: { volumes: [{ name: 'tokens', secret: { secretName } }] },
  };
}

/** The services' pods, run and failing in each of the ways there are, on whatever API server. */
export function describeServicePods(target: () => Target): void {
  describe('pods of the services', { timeout: PATIENCE_MS * 2 }, () => {
    async function start(): Promise<World> {
      const world = createWorld(target());
      await world.kubelet({ images: serviceImages });
      return world;
    }

    test.each(['repository', 'flea'])('%s gets ready with a token file', async (service) => {
      const world = await start();
      const pod = await podOf(world, await create(world, service, await withTokens(world)));
      await world.podWhen(pod, ({ status }) => expect(status?.containerStatuses?.[0]).toMatchObject({ ready: true }));
      expect(await world.log(pod)).toMatch(
        new RegExp(`^${service} \\(memory\\) serves gRPC at \\d+ and REST at \\d+\n$`),
      );
    });

    test('one whose token file is not there crashes again and again, and its log says why', async () => {
      const world = await start();
      const pod = await podOf(world, await create(world, 'repository', { env: [tokens] }));
      await world.podWhen(pod, ({ status }) => {
        const [container] = status?.containerStatuses ?? [];
        expect(container?.state?.waiting?.reason).toBe('CrashLoopBackOff');
        expect(container?.restartCount).toBeGreaterThanOrEqual(1);
        expect(container?.lastState?.terminated).toMatchObject({ exitCode: 2, reason: 'Error' });
      });
      const line = 'panic: AUTH_TOKENS_FILE: open /etc/tokens/tokens.txt: no such file, or it cannot be read\n';
      await until(async () => expect(await world.log(pod, '?previous=true')).toBe(line));
    });

    test('flea on gcs without its keys says which one', async () => {
      const world = await start();
      const env = [tokens, { name: 'BACKEND', value: 'gcs' }, { name: 'FLEA_GCS_BUCKET', value: 'b' }];
      const pod = await podOf(world, await create(world, 'flea', { env }));
      await until(async () =>
        expect(await world.log(pod)).toBe('panic: the environment variable FLEA_UPLOAD_GCS_BUCKET is not set\n'),
      );
    });

    const secretKey = {
      name: 'PRIVATE_PEM_KEY',
      valueFrom: { secretKeyRef: { name: 'absent', key: 'sacred.pem' } },
    };
    const waiting: readonly (readonly [string, Given, string, RegExp])[] = [
      ['an image that is nowhere', { image: 'docai/unknown:1' }, 'ImagePullBackOff', /docai\/unknown:1/],
      ['a name that is none', { image: 'docai/Flea:1' }, 'InvalidImageName', /docai\/Flea:1/],
      [
        'an image that must be there and is not',
        { image: 'docai/unknown:1', container: { imagePullPolicy: 'Never' } },
        'ErrImageNeverPull',
        /docai\/unknown:1/,
      ],
      ['a Secret that is not there', { env: [secretKey] }, 'CreateContainerConfigError', /secret "absent" not found/],
    ];
    test.each(waiting)('a pod with %s waits, and says so', async (_what, given, reason, message) => {
      const world = await start();
      const pod = await podOf(world, await create(world, 'flea', given));
      const { status } = await world.podWhen(pod, (found) =>
        expect(found.status?.containerStatuses?.[0]?.state?.waiting?.reason).toBe(reason),
      );
      expect(status?.containerStatuses?.[0]?.state?.waiting?.message).toMatch(message);
      expect(status?.phase).toBe('Pending');
    });

    test('a key that its Secret lacks is named', async () => {
      const world = await start();
      const name = newName('sacred');
      await world.create('secrets', { metadata: { name }, stringData: { other: 'x' } });
      const valueFrom = { secretKeyRef: { name, key: 'sacred.pem' } };
      const pod = await podOf(world, await create(world, 'flea', { env: [{ name: 'PRIVATE_PEM_KEY', valueFrom }] }));
      await world.podWhen(pod, ({ status }) =>
        expect(status?.containerStatuses?.[0]?.state?.waiting).toEqual({
          reason: 'CreateContainerConfigError',
          message: `couldn't find key sacred.pem in Secret ${world.namespace}/${name}`,
        }),
      );
    });

    test('a pod that no node takes is unschedulable', async () => {
      const world = await start();
      const pod = await podOf(world, await create(world, 'flea', { pod: { nodeSelector: { disk: 'ssd' } } }));
      await world.podWhen(pod, ({ status }) =>
        expect(status?.conditions).toContainEqual(
          expect.objectContaining({ type: 'PodScheduled', status: 'False', reason: 'Unschedulable' }),
        ),
      );
    });

    test('an event reports a volume whose Secret is missing', async () => {
      const world = await start();
      const pod = await podOf(world, await create(world, 'flea', mounted('absent')));
      await until(async () =>
        expect(await world.events(pod)).toContainEqual(
          expect.objectContaining({
            type: 'Warning',
            reason: 'FailedMount',
            message: expect.stringContaining('secret "absent" not found'),
          }),
        ),
      );
    });
  });
}
