import { describe, expect, test } from 'vitest';
import { at, textAt } from '../api.ts';
import { conditionsOf, countsOf, imageOf, revisionOf, withoutHash } from './views.ts';
import { createWorld, deployment, image } from './world.ts';
import type { Target, World } from './world.ts';

const available = 'Available True MinimumReplicasAvailable Deployment has minimum availability.';
const unavailable = 'Available False MinimumReplicasUnavailable Deployment does not have minimum availability.';
const complete = 'Progressing True NewReplicaSetAvailable ReplicaSet "web-HASH" has successfully progressed.';
const progressing = 'Progressing True ReplicaSetUpdated ReplicaSet "web-HASH" is progressing.';

/** What becomes of a Deployment, from its creation on, on whatever API server. */
export function describeRollouts(target: () => Target): void {
  describe('Deployments', () => {
    test('one that is created makes a ReplicaSet, that makes pods, and says so', async () => {
      const world = await createWorld(target());
      await start(world, 2);
      const created = await world.get('deployments/web');
      expect(countsOf(created)).toEqual({
        observedGeneration: 1,
        replicas: 2,
        updatedReplicas: 2,
        readyReplicas: 2,
        availableReplicas: 2,
      });
      expect(revisionOf(created)).toBe('1');
      const [set] = await world.list('replicasets');
      const hash = textAt(set, 'metadata.labels.pod-template-hash');
      expect(hash).toMatch(/^[bcdfghjklmnpqrstvwxz2456789]{6,10}$/);
      expect(set).toMatchObject({
        metadata: {
          name: `web-${hash}`,
          labels: { app: 'web' },
          annotations: {
            'deployment.kubernetes.io/revision': '1',
            'deployment.kubernetes.io/desired-replicas': '2',
            'deployment.kubernetes.io/max-replicas': '3',
          },
          ownerReferences: [
            {
              apiVersion: 'apps/v1',
              kind: 'Deployment',
              name: 'web',
              uid: textAt(created, 'metadata.uid'),
              controller: true,
              blockOwnerDeletion: true,
            },
          ],
        },
        spec: {
          selector: { matchLabels: { app: 'web', 'pod-template-hash': hash } },
          template: { metadata: { labels: { app: 'web', 'pod-template-hash': hash } } },
        },
      });
      expect(countsOf(set)).toEqual({
        replicas: 2,
        fullyLabeledReplicas: 2,
        readyReplicas: 2,
        availableReplicas: 2,
        observedGeneration: 1,
      });
      for (const pod of await world.list('pods')) {
        expect(textAt(pod, 'metadata.name')).toMatch(new RegExp(`^web-${hash}-[a-z0-9]{5}$`));
        expect(at(pod, 'metadata')).toMatchObject({
          generateName: `web-${hash}-`,
          labels: { app: 'web', 'pod-template-hash': hash },
          ownerReferences: [{ kind: 'ReplicaSet', name: `web-${hash}`, controller: true }],
        });
      }
      await world.eventually(async () => {
        expect(await world.events('web')).toEqual([
          `Normal ScalingReplicaSet: Scaled up replica set web-${hash} from 0 to 2`,
        ]);
        expect((await world.events(`web-${hash}`)).map(withoutHash)).toEqual([
          'Normal SuccessfulCreate: Created pod: web-HASH',
          'Normal SuccessfulCreate: Created pod: web-HASH',
        ]);
      });
    });

    test('one whose pods are not ready is not available, and makes progress until it does not', async () => {
      const world = await createWorld(target());
      await world.create('deployments', deployment('web', 'unready', { progressDeadlineSeconds: 2 }));
      const begun = await world.when('deployments/web', (found) => {
        expect(conditionsOf(found)).toEqual([progressing, unavailable].toSorted());
        expect(at(found, 'status.replicas')).toBe(1);
      });
      expect(countsOf(begun)).toEqual({
        observedGeneration: 1,
        replicas: 1,
        updatedReplicas: 1,
        unavailableReplicas: 1,
      });
      const late = 'Progressing False ProgressDeadlineExceeded ReplicaSet "web-HASH" has timed out progressing.';
      await world.when('deployments/web', (found) =>
        expect(conditionsOf(found)).toEqual([unavailable, late].toSorted()),
      );
      await world.patch('deployments/web', image('v2'));
      await world.when('deployments/web', isComplete);
      expect(revisionOf(await world.get('deployments/web'))).toBe('2');
    });

    test('an update replaces the pods step by step, and keeps the old ReplicaSet', async () => {
      const world = await createWorld(target());
      await start(world, 3);
      await world.patch('deployments/web', image('v2'));
      await world.when('deployments/web', (found) => {
        isComplete(found);
        expect(at(found, 'status.observedGeneration')).toBe(2);
        expect(at(found, 'status.updatedReplicas')).toBe(3);
      });
      expect(await setsOf(world)).toEqual(['image:v1 0/0', 'image:v2 3/3']);
      expect(revisionOf(await world.get('deployments/web'))).toBe('2');
      await world.eventually(async () =>
        expect((await world.events('web')).map(withoutHash).toSorted()).toEqual(
          [
            'up replica set web-HASH from 0 to 3',
            'up replica set web-HASH from 0 to 1',
            'down replica set web-HASH from 3 to 2',
            'up replica set web-HASH from 1 to 2',
            'down replica set web-HASH from 2 to 1',
            'up replica set web-HASH from 2 to 3',
            'down replica set web-HASH from 1 to 0',
          ]
            .map((text) => `Normal ScalingReplicaSet: Scaled ${text}`)
            .toSorted(),
        ),
      );
    });

    test.each([
      [{ maxSurge: 1, maxUnavailable: 0 }, ['image:unready 1/1', 'image:v1 4/4']],
      [{ maxSurge: 0, maxUnavailable: 1 }, ['image:unready 1/1', 'image:v1 3/3']],
      [{ maxSurge: '50%', maxUnavailable: '25%' }, ['image:unready 3/3', 'image:v1 3/3']],
      [{ maxSurge: '10%', maxUnavailable: '10%' }, ['image:unready 1/1', 'image:v1 4/4']],
      [{ maxSurge: 0, maxUnavailable: '1%' }, ['image:unready 1/1', 'image:v1 3/3']],
    ])('an update to what never gets ready goes as far as %j lets it', async (rollingUpdate, sets) => {
      const world = await createWorld(target());
      await start(world, 4, { strategy: { rollingUpdate } });
      await world.patch('deployments/web', image('unready'));
      await world.eventually(async () => expect(await setsOf(world)).toEqual(sets));
      const present = await world.when('deployments/web', (found) =>
        expect(at(found, 'status.updatedReplicas')).toBe(Number(sets[0]?.at(-1))),
      );
      // Which of the two it is depends on what the controller has seen by the time it writes.
      const going = expect.stringMatching(/^Progressing True (ReplicaSetUpdated|NewReplicaSetCreated) /);
      expect(conditionsOf(present)).toEqual([available, going]);
    });

    test('by Recreate, no new pod comes before the last old one has gone', async () => {
      const world = await createWorld(target());
      await start(world, 2, { strategy: { type: 'Recreate' } });
      const goOn = world.pausePods();
      await world.patch('deployments/web', image('v2'));
      await world.eventually(async () => expect(await setsOf(world)).toEqual(['image:v1 0/0']));
      const waiting = await world.when('deployments/web', (found) => {
        expect(at(found, 'status.observedGeneration')).toBe(2);
        expect(at(found, 'status.replicas')).toBeUndefined();
        expect([undefined, 2]).toContain(at(found, 'status.terminatingReplicas'));
      });
      expect(conditionsOf(waiting)).toContain(unavailable);
      expect(await world.list('pods')).toHaveLength(2);
      goOn();
      await world.when('deployments/web', (found) => {
        isComplete(found);
        expect(at(found, 'status.updatedReplicas')).toBe(2);
      });
      expect(await setsOf(world)).toEqual(['image:v1 0/0', 'image:v2 2/2']);
    });

    test('a pod counts as available when it has been ready for minReadySeconds', async () => {
      const world = await createWorld(target());
      await world.create('deployments', deployment('web', 'v1', { minReadySeconds: 3 }));
      const ready = await world.when('deployments/web', (found) => expect(at(found, 'status.readyReplicas')).toBe(1));
      expect(conditionsOf(ready)).toEqual([progressing, unavailable].toSorted());
      expect(at(ready, 'status.availableReplicas')).toBeUndefined();
      await world.when('deployments/web', isComplete);
    });

    test('one that is paused changes nothing until it is resumed', async () => {
      const world = await createWorld(target());
      await start(world, 1);
      await world.patch('deployments/web', { spec: { paused: true } });
      const paused = 'Progressing Unknown DeploymentPaused Deployment is paused';
      await world.when('deployments/web', (found) => expect(conditionsOf(found)).toEqual([available, paused]));
      await world.patch('deployments/web', image('v2'));
      await world.when('deployments/web', (found) => {
        expect(at(found, 'status.observedGeneration')).toBe(3);
        expect(at(found, 'status.updatedReplicas')).toBeUndefined();
      });
      expect(await setsOf(world)).toEqual(['image:v1 1/1']);
      await world.patch('deployments/web', { spec: { replicas: 2 } });
      await world.eventually(async () => expect(await setsOf(world)).toEqual(['image:v1 2/2']));
      await world.patch('deployments/web', { spec: { paused: null } });
      await world.when('deployments/web', (found) => {
        isComplete(found);
        expect(at(found, 'status.updatedReplicas')).toBe(2);
      });
      expect(await setsOf(world)).toEqual(['image:v1 0/0', 'image:v2 2/2']);
    });

    test('a template that comes back takes its ReplicaSet up again, as a new revision', async () => {
      const world = await createWorld(target());
      await start(world, 1);
      for (const tag of ['v2', 'v1']) {
        await world.patch('deployments/web', image(tag));
        await world.eventually(async () => expect(await setsOf(world)).toContain(`image:${tag} 1/1`));
        await world.when('deployments/web', isComplete);
      }
      await world.eventually(async () => expect(await setsOf(world)).toEqual(['image:v1 1/1', 'image:v2 0/0']));
      expect(revisionOf(await world.get('deployments/web'))).toBe('3');
      const first = (await world.list('replicasets')).find((set) => imageOf(set) === 'image:v1');
      expect(at(first, 'metadata.annotations')).toMatchObject({
        'deployment.kubernetes.io/revision': '3',
        'deployment.kubernetes.io/revision-history': '1',
      });
    });

    test('of the old ReplicaSets, revisionHistoryLimit are kept', async () => {
      const world = await createWorld(target());
      await start(world, 1, { revisionHistoryLimit: 1 });
      for (const tag of ['v2', 'v3']) {
        await world.patch('deployments/web', image(tag));
        await world.eventually(async () => expect(await setsOf(world)).toContain(`image:${tag} 1/1`));
        await world.when('deployments/web', isComplete);
      }
      await world.eventually(async () => expect(await setsOf(world)).toEqual(['image:v2 0/0', 'image:v3 1/1']));
    });

    test('annotations reach the newest ReplicaSet; a change of them counts as a generation', async () => {
      const world = await createWorld(target());
      await start(world, 1);
      await world.patch('deployments/web', { metadata: { annotations: { 'example.com/note': 'x' } } });
      await world.when('deployments/web', (found) => expect(at(found, 'status.observedGeneration')).toBe(2));
      await world.eventually(async () =>
        expect(at((await world.list('replicasets'))[0], 'metadata.annotations')).toMatchObject({
          'example.com/note': 'x',
          'deployment.kubernetes.io/revision': '1',
        }),
      );
    });
  });
}

async function start(world: World, replicas: number, spec: object = {}): Promise<void> {
  await world.create('deployments', deployment('web', 'v1', { replicas, ...spec }));
  await world.when('deployments/web', isComplete);
}

function isComplete(found: unknown): void {
  return expect(conditionsOf(found)).toEqual([available, complete]);
}

/** ReplicaSets as `image wanted/there`. */
async function setsOf(world: World): Promise<readonly string[]> {
  return (await world.list('replicasets'))
    .map((set) => `${imageOf(set)} ${String(at(set, 'spec.replicas'))}/${String(at(set, 'status.replicas'))}`)
    .toSorted();
}
