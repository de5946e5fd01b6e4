import { expect, test } from 'vitest';
import { createWorld, newName, script, until } from './pod-world.ts';
import type { Target, World } from './pod-world.ts';
import type { Pod } from '../../kubelet/types.ts';

/** What is said of pods that cannot run, and that they run once the cause is mended. */
export function describeFaults(target: () => Target): void {
  test('a missing Secret of a volume is a FailedMount, mended by creating it', async () => {
    const world = createWorld(target());
    await world.kubelet();
    const secret = newName('s');
    const mounts = { volumeMounts: [{ name: 'v', mountPath: '/v' }], env: [{ name: 'F', value: '/v/key' }] };
    const name = await world.createPod({
      volumes: [{ name: 'v', secret: { secretName: secret, items: [{ key: 'key', path: 'key' }] } }],
      containers: [script(`console.log(require('fs').readFileSync(process.env.F, 'utf8'))`, mounts)],
    });
    await eventOf(world, name, 'FailedMount', `MountVolume.SetUp failed for volume "v" : secret "${secret}" not found`);
    await world.podWhen(name, (pod) => expect(waiting(pod)).toEqual({ reason: 'ContainerCreating' }));
    await world.create('secrets', { metadata: { name: secret }, stringData: { other: 'x' } });
    await eventOf(
      world,
      name,
      'FailedMount',
      'MountVolume.SetUp failed for volume "v" : references non-existent secret key: key',
    );
    await world.api.patch(`/api/v1/namespaces/${world.namespace}/secrets/${secret}`, {
      data: { key: Buffer.from('now').toString('base64') },
    });
    await world.phase(name, 'Succeeded');
    expect(await world.log(name)).toBe('now\n');
  });

  test('a missing Secret or key of a variable is a CreateContainerConfigError, mended by creating it', async () => {
    const world = createWorld(target());
    await world.kubelet();
    const secret = newName('s');
    const env = [{ name: 'T', valueFrom: { secretKeyRef: { name: secret, key: 'token' } } }];
    const name = await world.createPod({ containers: [script('console.log(process.env.T)', { env })] });
    function isWaiting(message: string) {
      return world.podWhen(name, (pod) =>
        expect(waiting(pod)).toEqual({ reason: 'CreateContainerConfigError', message }),
      );
    }
    await isWaiting(`secret "${secret}" not found`);
    await eventOf(world, name, 'Failed', `Error: secret "${secret}" not found`);
    await world.create('secrets', { metadata: { name: secret }, stringData: { other: 'x' } });
    await isWaiting(`couldn't find key token in Secret ${world.namespace}/${secret}`);
    await world.api.patch(`/api/v1/namespaces/${world.namespace}/secrets/${secret}`, {
      data: { token: Buffer.from('t').toString('base64') },
    });
    await world.phase(name, 'Succeeded');
    expect(await world.log(name)).toBe('t\n');
  });

  test.each([
    [{ configMapRef: { name: 'nowhere' } }, 'configmap "nowhere" not found'],
    [{ secretRef: { name: 'nowhere' } }, 'secret "nowhere" not found'],
  ])('a missing source of variables %j is named', async (source, message) => {
    const world = createWorld(target());
    await world.kubelet();
    const name = await world.createPod({ containers: [script('', { envFrom: [source] })] });
    await world.podWhen(name, (pod) => expect(waiting(pod)).toEqual({ reason: 'CreateContainerConfigError', message }));
  });

  test('an unknown image is ErrImagePull, then ImagePullBackOff', async () => {
    const world = createWorld(target());
    await world.kubelet();
    const name = await world.createPod({ containers: [{ name: 'main', image: 'example.com/none:1' }] });
    await world.podWhen(name, (pod) => expect(waiting(pod)?.reason).toBe('ImagePullBackOff'));
    await eventOf(
      world,
      name,
      'Failed',
      'Failed to pull image "example.com/none:1": image "example.com/none:1" not found',
    );
    await eventOf(world, name, 'Failed', 'Error: ErrImagePull');
    await eventOf(world, name, 'BackOff', 'Back-off pulling image "example.com/none:1"');
    expect(await world.log(name)).toContain('is waiting to start: ');
  });

  test.each([
    ['an image that is no name', { image: 'Example.com/UPPER:1' }, 'InvalidImageName', `couldn't parse image name`],
    [
      'an unknown image never to be pulled',
      { image: 'none', imagePullPolicy: 'Never' },
      'ErrImageNeverPull',
      'not present with pull policy of Never',
    ],
    [
      'a command of its own',
      { image: 'web', command: ['sh'] },
      'CreateContainerError',
      `does not allow the container's command`,
    ],
    [
      'arguments of its own',
      { image: 'web', args: ['x'] },
      'CreateContainerError',
      `does not allow the container's args`,
    ],
  ])('%s keeps the container waiting', async (_, container, reason, message) => {
    const world = createWorld(target());
    await world.kubelet();
    const name = await world.createPod({ containers: [{ name: 'main', ...container }] });
    await world.podWhen(name, (pod) =>
      expect(waiting(pod)).toEqual({ reason, message: expect.stringContaining(message) }),
    );
  });

  test('a program that is not there is a StartError with exit code 128', async () => {
    const world = createWorld(target());
    await world.kubelet();
    const name = await world.createPod({ containers: [{ name: 'main', image: 'absent' }] });
    const { status } = await world.phase(name, 'Failed');
    expect(status?.containerStatuses?.[0]?.state?.terminated).toMatchObject({
      reason: 'StartError',
      exitCode: 128,
      message: expect.stringContaining('stat /no/such/program: no such file or directory'),
    });
    await eventOf(world, name, 'Failed', 'Error: failed to start container process');
  });

  test('a pod that no label of the node fits is unschedulable', async () => {
    const world = createWorld(target());
    await world.kubelet();
    const name = await world.createPod({ nodeSelector: { pool: 'gpu' }, containers: [script('')] });
    const message = `0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.`;
    const expected = expect.objectContaining({
      type: 'PodScheduled',
      status: 'False',
      reason: 'Unschedulable',
      message,
    });
    await world.podWhen(name, ({ status }) => expect(status?.conditions).toContainEqual(expected));
    await eventOf(world, name, 'FailedScheduling', message);
  });

  test('a request larger than the node is unschedulable, one that it has fits', async () => {
    const world = createWorld(target());
    await world.kubelet({ capacity: { cpu: '2', memory: '4Gi' } });
    function requests(cpu: string, memory: string) {
      return {
        containers: [script('', { resources: { requests: { cpu, memory } } })],
      };
    }
    const large = await world.createPod(requests('2500m', '5Gi'));
    const fitting = await world.createPod({
      ...requests('1500m', '4Gi'),
      nodeSelector: { 'kubernetes.io/os': 'linux' },
    });
    await world.podWhen(large, ({ status }) =>
      expect(status?.conditions?.find(({ type }) => type === 'PodScheduled')?.message).toContain(
        '1 Insufficient cpu, 1 Insufficient memory.',
      ),
    );
    await world.phase(fitting, 'Succeeded');
  });
}

function eventOf(world: World, name: string, reason: string, message: string): Promise<void> {
  return until(async () =>
    expect(await world.events(name)).toContainEqual(
      expect.objectContaining({ reason, message: expect.stringContaining(message) }),
    ),
  );
}

function waiting({ status }: Pod) {
  return status?.containerStatuses?.[0]?.state?.waiting;
}
