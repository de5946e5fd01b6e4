import { describe, expect, test } from 'vitest';
import { at, textAt } from '../api.ts';
import { conditionsOf, imageOf, withoutHash } from './views.ts';
import { createWorld, deployment, image } from './world.ts';
import type { Target, World } from './world.ts';

/** Sizes of things, and who belongs to whom. */
export function describeReplicas(target: () => Target): void {
  describe('replicas', () => {
    test('the subresource scale reads and sets how many', async () => {
      const world = await createWorld(target());
      await start(world, 2);
      const created = await world.get('deployments/web');
      expect(await world.get('deployments/web/scale')).toMatchObject({
        kind: 'Scale',
        apiVersion: 'autoscaling/v1',
        metadata: { name: 'web', uid: textAt(created, 'metadata.uid') },
        spec: { replicas: 2 },
        status: { replicas: 2, selector: 'app=web' },
      });
      const scaled = await world.patch('deployments/web/scale', { spec: { replicas: 3 } });
      expect(scaled).toMatchObject({ code: 200, body: { kind: 'Scale', spec: { replicas: 3 } } });
      await world.when('deployments/web', isReady(3));
      const ownership = {
        operation: 'Update',
        subresource: 'scale',
        fieldsV1: { 'f:spec': { 'f:replicas': {} } },
      };
      async function managers(): Promise<unknown> {
        return at(await world.get('deployments/web'), 'metadata.managedFields');
      }
      expect(await managers()).toContainEqual(expect.objectContaining(ownership));
      await world.patch('deployments/web/scale', { spec: { replicas: 0 } });
      // A Scale of 0 has no field for it: nobody owns it then.
      expect(JSON.stringify(await managers())).not.toContain('f:replicas":{}}}');
      const empty = await world.when('deployments/web', (found) => {
        expect(at(found, 'status.replicas')).toBeUndefined();
        expect(at(found, 'status.observedGeneration')).toBe(3);
      });
      expect(conditionsOf(empty)[0]).toContain('Available True');
      expect(await world.get('deployments/web/scale')).toMatchObject({ spec: {}, status: { replicas: 0 } });
      await world.eventually(async () =>
        expect((await world.events('web')).map(withoutHash).toSorted()).toEqual([
          'Normal ScalingReplicaSet: Scaled down replica set web-HASH from 3 to 0',
          'Normal ScalingReplicaSet: Scaled up replica set web-HASH from 0 to 2',
          'Normal ScalingReplicaSet: Scaled up replica set web-HASH from 2 to 3',
        ]),
      );
    });

    test('a scale in the middle of an update is shared out in proportion', async () => {
      const world = await createWorld(target());
      await start(world, 4, 'v1', { strategy: { rollingUpdate: { maxSurge: 2, maxUnavailable: 1 } } });
      await world.patch('deployments/web', image('unready'));
      async function sizes(): Promise<readonly string[]> {
        return (await world.list('replicasets'))
          .map((set) => `${imageOf(set)} ${String(at(set, 'spec.replicas'))}/${String(at(set, 'status.replicas'))}`)
          .toSorted();
      }
      await world.eventually(async () => expect(await sizes()).toEqual(['image:unready 3/3', 'image:v1 3/3']));
      await world.patch('deployments/web/scale', { spec: { replicas: 8 } });
      await world.eventually(async () => expect(await sizes()).toEqual(['image:unready 5/5', 'image:v1 5/5']));
      await world.patch('deployments/web/scale', { spec: { replicas: 4 } });
      await world.eventually(async () => expect(await sizes()).toEqual(['image:unready 3/3', 'image:v1 3/3']));
    });

    test('conditions and events report refused pods, which are retried', async () => {
      const world = await createWorld(target());
      await world.create('deployments', deployment('web', 'v1', {}, { priorityClassName: 'absent' }));
      const message = /^pods "web-.*" is forbidden: no PriorityClass with name absent was found$/;
      const failed = await world.when('deployments/web', (found) =>
        expect(conditionsOf(found).map((each) => each.split(' ').slice(0, 3).join(' '))).toContain(
          'ReplicaFailure True FailedCreate',
        ),
      );
      const own = Reflect.get(Object(at(failed, 'status')), 'conditions').find(
        (each: unknown) => textAt(each, 'type') === 'ReplicaFailure',
      );
      expect(textAt(own, 'message')).toMatch(message);
      const [set] = await world.list('replicasets');
      expect(at(set, 'status.conditions')).toEqual([
        expect.objectContaining({ type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate' }),
      ]);
      await world.eventually(async () =>
        expect((await world.events(textAt(set, 'metadata.name'))).join('\n')).toMatch(
          /^Warning FailedCreate: Error creating: pods "web-.*" is forbidden: no PriorityClass/,
        ),
      );
      await world.patch('deployments/web', {
        spec: { template: { spec: { priorityClassName: null } } },
      });
      await world.when('deployments/web', (found) => {
        isReady(1)(found);
        expect(conditionsOf(found).join()).not.toContain('ReplicaFailure');
      });
    });

    test('a pod that is deleted is replaced; one that loses its label is let go of', async () => {
      const world = await createWorld(target());
      await start(world, 2);
      const [first = '', second = ''] = await names(world, 'pods');
      await world.remove(`pods/${first}`);
      await world.eventually(async () => {
        const present = await names(world, 'pods');
        expect(present).toHaveLength(2);
        expect(present).not.toContain(first);
      });
      await world.when('deployments/web', isReady(2));
      await world.patch(`pods/${second}`, { metadata: { labels: { app: 'other' } } });
      await world.eventually(async () => expect(await names(world, 'pods')).toHaveLength(3));
      await world.when(`pods/${second}`, (pod) => expect(at(pod, 'metadata.ownerReferences')).toBeUndefined());
    });

    test('what a Deployment owns goes with it', async () => {
      const world = await createWorld(target());
      await start(world, 2);
      const deleted = await world.remove('deployments/web');
      expect(deleted).toMatchObject({ code: 200, body: { kind: 'Status', status: 'Success' } });
      await world.eventually(async () => {
        expect(await names(world, 'replicasets')).toEqual([]);
        expect(await names(world, 'pods')).toEqual([]);
      });
    });

    test('deleted in the foreground, it goes last', async () => {
      const world = await createWorld(target());
      await start(world, 1);
      const goOn = world.pausePods();
      await world.remove('deployments/web', { propagationPolicy: 'Foreground' });
      await world.eventually(async () =>
        expect(at((await world.list('pods'))[0], 'metadata.deletionTimestamp')).toBeTypeOf('string'),
      );
      expect(at(await world.get('deployments/web'), 'metadata.finalizers')).toEqual(['foregroundDeletion']);
      goOn();
      await world.eventually(async () => expect(await names(world, 'deployments')).toEqual([]));
      expect(await names(world, 'pods')).toEqual([]);
    });

    test('what is orphaned is taken in by the next Deployment of the same selector', async () => {
      const world = await createWorld(target());
      await start(world, 1);
      const before = await names(world, 'pods');
      await world.remove('deployments/web', { propagationPolicy: 'Orphan' });
      await world.eventually(async () => {
        expect(await names(world, 'deployments')).toEqual([]);
        expect(at((await world.list('replicasets'))[0], 'metadata.ownerReferences')).toBeUndefined();
      });
      await start(world, 1);
      const created = await world.get('deployments/web');
      await world.eventually(async () =>
        expect(at((await world.list('replicasets'))[0], 'metadata.ownerReferences.0.uid')).toBe(
          textAt(created, 'metadata.uid'),
        ),
      );
      expect(await names(world, 'replicasets')).toHaveLength(1);
      expect(await names(world, 'pods')).toEqual(before);
    });

    test('a ReplicaSet of its own keeps its pods, and forgets the surplus that is not ready first', async () => {
      const world = await createWorld(target());
      const { spec } = deployment('web', 'v1', { replicas: 2 });
      await world.create('replicasets', { metadata: { name: 'alone' }, spec });
      await world.when('replicasets/alone', isReady(2));
      const ready = await names(world, 'pods');
      const goOn = world.pausePods();
      await world.patch('replicasets/alone/scale', { spec: { replicas: 4 } });
      await world.eventually(async () => expect(await names(world, 'pods')).toHaveLength(4));
      await world.patch('replicasets/alone/scale', { spec: { replicas: 2 } });
      await world.eventually(async () => expect(await names(world, 'pods')).toEqual(ready));
      goOn();
      await world.when('replicasets/alone', isReady(2));
      await world.eventually(async () =>
        expect((await world.events('alone')).filter((each) => each.includes('SuccessfulDelete'))).toHaveLength(2),
      );
    });
  });
}

async function start(world: World, replicas: number, tag = 'v1', spec: object = {}): Promise<void> {
  await world.create('deployments', deployment('web', tag, { replicas, ...spec }));
  await world.when('deployments/web', isReady(replicas));
}

function isReady(count: number) {
  return (found: unknown): void =>
    expect([at(found, 'status.readyReplicas'), at(found, 'status.replicas')]).toEqual([count, count]);
}

async function names(world: World, plural: string): Promise<readonly string[]> {
  return (await world.list(plural)).map((each) => textAt(each, 'metadata.name'));
}
