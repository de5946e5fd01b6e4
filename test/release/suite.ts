import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AppError } from '../../src/errors.ts';
import { driftOf } from '../../src/release/deploy.ts';
import type { KubeObject } from '../../src/cluster/release-port.ts';
import { expectConsistent, recordsOf, specsOf } from './invariants.ts';
import { createKiller, Killed, killPoints } from './killer.ts';
import type { Ask, ReleaseWorld } from './world.ts';
import { callDeploy, callUninstall, createDeps, tagged } from './world.ts';

export const refusal = async (work: Promise<unknown>): Promise<AppError> => {
  try {
    await work;
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
  throw new Error('It was not refused.');
};

const imageOf = (objects: readonly KubeObject[], name: string): string | undefined =>
  /"image":"([^"]+)"/.exec(
    JSON.stringify(objects.find(({ kind, metadata }) => kind === 'Deployment' && metadata.name === name)),
  )?.[1];

/** As `kubectl set image deployment/demo-repository repository=<image>`. */
const setImage = async (world: ReleaseWorld, image: string): Promise<void> => {
  const { workloads } = await recordsOf(world);
  const live = workloads.find(({ kind, metadata }) => kind === 'Deployment' && metadata.name === 'demo-repository');
  const spec = JSON.parse(JSON.stringify(live?.['spec']));
  spec.template.spec.containers[0].image = image;
  const { containers } = spec.template.spec;
  const metadata = { name: 'demo-repository', namespace: world.namespace };
  await world.put(
    { apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec: { template: { spec: { containers } } } },
    'kubectl-set',
  );
};

/** Deps whose first wait for the rollout is preceded by `act`. */
const depsWhileWaiting = (world: ReleaseWorld, act: () => Promise<void>): ReturnType<typeof createDeps> => {
  const deps = createDeps(world);
  let isDone = false;
  const wait = async (ms: number, signal?: AbortSignal): Promise<void> => {
    if (!isDone) {
      isDone = true;
      await act();
    }
    await world.wait(ms, signal);
  };
  return { ...deps, launch: { ...deps.launch, wait } };
};

/** Deps whose first apply of a Deployment that is no dry run is preceded by `act`. */
const depsBeforeApply = (world: ReleaseWorld, act: () => Promise<void>): ReturnType<typeof createDeps> => {
  let isDone = false;
  return createDeps(world, {
    ...world.cluster,
    applyObject: async (object, options) => {
      if (!isDone && object.kind === 'Deployment' && options?.dryRun !== true) {
        isDone = true;
        await act();
      }
      return world.cluster.applyObject(object, options);
    },
  });
};

const V1 = { over: tagged('ok-1', 'ok-1') } as const;
const V2 = { over: tagged('ok-2') } as const;
const BAD = { over: tagged('bad-name') } as const;

/** What deploys do to a cluster that has the controllers of Deployments, ReplicaSets and EndpointSlices. */
/** `walks` is why calls are not killed at each of their writes here; without it they are. */
export const releaseSuite = (name: string, setup: () => Promise<ReleaseWorld>, noWalks = ''): void => {
  describe(`${name}`, { timeout: 60_000 }, () => {
    let world: ReleaseWorld;
    beforeEach(async () => {
      world = await setup();
    }, 60_000);
    afterEach(async () => world?.close(), 30_000);

    test('install, the same again, upgrade with a service less, rollback, uninstall', async () => {
      const first = await callDeploy(world, V1);
      expect(first).toMatchObject({ outcome: 'deployed', revision: 1 });
      expect(first.objects.map(({ action, ready }) => [action, ready])).toEqual(
        Array.from({ length: 4 }, () => ['created', true]),
      );
      await expectConsistent(world);

      const again = await callDeploy(world, V1);
      expect(again).toMatchObject({ outcome: 'unchanged', revision: 1, diff: [] });
      expect((await expectConsistent(world)).revisions).toHaveLength(1);

      const second = await callDeploy(world, V2);
      expect(second).toMatchObject({ outcome: 'deployed', revision: 2 });
      expect(second.objects.map(({ kind, name: object, action }) => [kind, object, action])).toEqual([
        ['Service', 'demo-tensorio-models-repository', 'unchanged'],
        ['Deployment', 'demo-repository', 'configured'],
        ['Deployment', 'demo-flea', 'pruned'],
        ['Service', 'demo-tensorio-models-flea', 'pruned'],
      ]);
      expect(second.diff.flatMap(({ changes }) => changes)).toEqual([
        {
          path: 'spec.template.spec.containers.repository.image',
          before: 'docai/tensorio-models:ok-1',
          after: 'docai/tensorio-models:ok-2',
        },
      ]);
      await expectConsistent(world);

      const back = await callDeploy(world, { revision: 1 });
      expect(back).toMatchObject({ outcome: 'deployed', revision: 3 });
      const records = await expectConsistent(world);
      expect(imageOf(records.workloads, 'demo-repository')).toBe('docai/tensorio-models:ok-1');
      expect(records.revisions.map(({ status, description }) => [status, description])).toEqual([
        ['superseded', 'deploy'],
        ['superseded', 'deploy'],
        ['deployed', 'rollback to 1'],
      ]);

      expect(await callUninstall(world)).toMatchObject({ outcome: 'uninstalled', revision: null });
      expect(await world.objects()).toEqual([]);
      expect(await refusal(callUninstall(world))).toMatchObject({ status: 404 });
    });

    test('a failed install leaves nothing but its revision; a failed upgrade brings back what ran', async () => {
      const failed = await refusal(callDeploy(world, BAD));
      expect(failed).toMatchObject({
        status: 422,
        code: 'rolled-back',
        details: {
          outcome: 'rolled-back',
          revision: null,
          failedRevision: 1,
          evidence: [{ container: 'repository', reason: 'InvalidImageName' }],
        },
      });
      const records = await expectConsistent(world);
      expect(records.workloads).toEqual([]);
      expect(records.revisions).toMatchObject([{ status: 'failed', evidence: [{ reason: 'InvalidImageName' }] }]);

      await callDeploy(world, V1);
      const before = specsOf(await expectConsistent(world));
      const upgrade = await refusal(callDeploy(world, BAD));
      expect(upgrade).toMatchObject({
        code: 'rolled-back',
        details: { revision: 2, failedRevision: 3, rollback: { to: 2 } },
      });
      expect(upgrade.message).toMatch(/InvalidImageName.*Revision 2 runs again/);
      const after = await expectConsistent(world);
      expect(specsOf(after)).toEqual(before);
      expect(await callDeploy(world, V1)).toMatchObject({ outcome: 'unchanged', revision: 2 });
    });

    const evidence: readonly (readonly [string, object])[] = [
      ['bad-image', { reason: 'ImagePullBackOff' }],
      ['no-config', { reason: 'CreateContainerConfigError' }],
      ['never-pull', { reason: 'ErrImageNeverPull' }],
      [
        'crash',
        { reason: 'CrashLoopBackOff', exitCode: 1, restarts: 3, log: expect.stringContaining('AUTH_TOKENS_FILE') },
      ],
    ];
    test.each(evidence)('pods that end as %s fail the release, and the evidence says so', async (tag, expected) => {
      const failed = await refusal(callDeploy(world, { over: tagged(tag) }));
      expect(failed).toMatchObject({ code: 'rolled-back', details: { evidence: [expected] } });
      expect(failed.details['warnings']).toEqual([expect.stringContaining('authTokensFile')]);
      await expectConsistent(world);
    });

    test('a pod that no node takes, and one that is not ready, run out of time', async () => {
      const short = { waitSec: 20 };
      const failed = await refusal(callDeploy(world, { ...short, over: tagged('unschedulable') }));
      expect(failed).toMatchObject({ code: 'rolled-back', details: { evidence: [{ reason: 'Unschedulable' }] } });
      expect(failed.message).toMatch(/pod demo-repository-\S+: Unschedulable/);
      const unready = await refusal(callDeploy(world, { ...short, over: tagged('unready') }));
      expect(unready).toMatchObject({ code: 'rolled-back', details: { evidence: [{ reason: 'NotReady' }] } });
      expect(unready.message).toMatch(
        /Not ready after 20 s: .*0 of 1 pods ready.* Pod demo-repository-\S+, container repository: NotReady/,
      );
    });

    test('onFailure=keep keeps the failed objects, and the next deploy repairs them', async () => {
      await callDeploy(world, V1);
      const failed = await refusal(callDeploy(world, { ...BAD, onFailure: 'keep' }));
      expect(failed).toMatchObject({ code: 'failed', details: { outcome: 'failed', revision: 1, failedRevision: 2 } });
      const { workloads, pointer } = await recordsOf(world);
      expect(imageOf(workloads, 'demo-repository')).toBe('docai/tensorio-models:bad-name');
      expect(pointer).toMatchObject({ current: 1, pending: null });
      expect(await callDeploy(world, V2)).toMatchObject({ outcome: 'deployed', revision: 3 });
      await expectConsistent(world);
    });

    test('the second of two deploys of a release is refused with holder and time; another release proceeds', async () => {
      const deps = createDeps(world);
      const seen: { busy?: AppError; other?: unknown } = {};
      const wait = async (ms: number, signal?: AbortSignal): Promise<void> => {
        if (seen.busy === undefined) {
          seen.busy = await refusal(callDeploy(world, V2));
          seen.other = await callDeploy(world, { ...V2, release: 'other' });
        }
        await world.wait(ms, signal);
      };
      const first = { ...deps, launch: { ...deps.launch, wait } };
      const slow = await callDeploy(world, { ...V1, requestedBy: 'ann@example.com' }, first);
      expect(slow).toMatchObject({ outcome: 'deployed', release: 'demo', revision: 1 });
      expect(seen.busy).toMatchObject({
        status: 409,
        code: 'busy',
        headers: { 'Retry-After': expect.stringMatching(/^\d+$/) },
        details: {
          holder: expect.stringContaining('ann@example.com'),
          since: expect.stringMatching(/^\d{4}-.*\d{6}Z$/),
        },
      });
      expect(seen.other).toMatchObject({ outcome: 'deployed', release: 'other', revision: 1 });
    });

    test('a field of another manager is a conflict that names both; nothing is changed', async () => {
      await callDeploy(world, V1);
      const before = await expectConsistent(world);
      const live = before.workloads.find(({ metadata }) => metadata.name === 'demo-repository');
      if (live === undefined) throw new Error('no Deployment');
      await world.put(
        {
          apiVersion: 'apps/v1',
          kind: 'Deployment',
          metadata: { name: 'demo-repository', namespace: world.namespace },
          spec: { replicas: 2 },
        },
        'somebody',
      );
      const conflict = await refusal(
        callDeploy(world, {
          over: { ...tagged('ok-1', 'ok-1'), repository: { deployment: { tag: 'ok-1', replicas: 3 } } },
        }),
      );
      expect(conflict).toMatchObject({
        status: 409,
        code: 'conflict',
        details: {
          conflicts: [{ kind: 'Deployment', name: 'demo-repository', field: 'spec.replicas', manager: 'somebody' }],
        },
      });
      expect((await recordsOf(world)).pointer).toEqual(before.pointer);
    });

    describe('after kubectl set image', () => {
      const imageSet = { kind: 'Deployment', name: 'demo-repository', manager: 'kubectl-set' };
      const taken = [
        expect.objectContaining({
          ...imageSet,
          field: expect.stringContaining('spec.template.spec.containers'),
        }),
      ];

      test('a deploy of another tag is refused, and names ?force=true; with it the field is taken and on record', async () => {
        await callDeploy(world, V1);
        await setImage(world, 'docai/tensorio-models:ok-9');
        const refused = await refusal(callDeploy(world, V2));
        expect(refused).toMatchObject({ status: 409, code: 'conflict', details: { conflicts: [imageSet] } });
        expect(refused.message).toContain('?force=true');
        const dry = await callDeploy(world, { ...V2, force: true, dryRun: 'server' });
        expect(dry).toMatchObject({ outcome: 'dry-run', taken });
        expect(imageOf((await recordsOf(world)).workloads, 'demo-repository')).toBe('docai/tensorio-models:ok-9');
        const forced = await callDeploy(world, { ...V2, force: true });
        expect(forced).toMatchObject({ outcome: 'deployed', revision: 2, taken });
        expect(JSON.stringify(forced.taken)).toContain('docai/tensorio-models:ok-9');
        const { workloads, revisions } = await expectConsistent(world);
        expect(imageOf(workloads, 'demo-repository')).toBe('docai/tensorio-models:ok-2');
        expect(revisions.map((one) => one.taken)).toEqual([undefined, forced.taken]);
        expect(await callDeploy(world, { over: tagged('ok-3') })).toMatchObject({ outcome: 'deployed', revision: 3 });
      });

      test('a rollback on request wins back what the release owned', async () => {
        await callDeploy(world, V1);
        await callDeploy(world, V2);
        await setImage(world, 'docai/tensorio-models:ok-9');
        expect(await callDeploy(world, { revision: 1 })).toMatchObject({ outcome: 'deployed', revision: 3, taken });
        const { workloads, revisions } = await expectConsistent(world);
        expect(imageOf(workloads, 'demo-repository')).toBe('docai/tensorio-models:ok-1');
        expect(revisions.at(-1)).toMatchObject({ taken });
      });

      test('during the rollout, a deploy that fails by it wins back what the release owned', async () => {
        await callDeploy(world, V1);
        const deps = depsWhileWaiting(world, () => setImage(world, 'docai/tensorio-models:bad-name'));
        const failed = await refusal(callDeploy(world, { over: tagged('slow', 'ok-1'), waitSec: 60 }, deps));
        expect(failed).toMatchObject({ code: 'rolled-back', details: { revision: 1, taken } });
        const { workloads, revisions } = await expectConsistent(world);
        expect(imageOf(workloads, 'demo-repository')).toBe('docai/tensorio-models:ok-1');
        expect(revisions.at(-1)).toMatchObject({ status: 'failed', taken });
      });

      test('during the rollout, a deploy that succeeds warns of it', async () => {
        await callDeploy(world, V1);
        const deps = depsWhileWaiting(world, () => setImage(world, 'docai/tensorio-models:ok-9'));
        const answer = await callDeploy(world, V2, deps);
        expect(answer.outcome).toBe('deployed');
        expect(answer.warnings).toContainEqual(
          expect.stringMatching(/^Deployment demo-repository was changed by another client during the rollout/),
        );
      });

      test('between the checks and the apply, the deploy is rolled back, and wins back what the release owned', async () => {
        await callDeploy(world, V1);
        const deps = depsBeforeApply(world, () => setImage(world, 'docai/tensorio-models:ok-9'));
        const failed = await refusal(callDeploy(world, V2, deps));
        expect(failed).toMatchObject({ code: 'rolled-back', details: { revision: 1, taken } });
        expect(failed.message).toContain('is set by "kubectl-set"');
        const { workloads, revisions } = await expectConsistent(world);
        expect(imageOf(workloads, 'demo-repository')).toBe('docai/tensorio-models:ok-1');
        expect(revisions.at(-1)).toMatchObject({ status: 'failed', taken });
      });

      test('between the checks and the apply, with force the field is taken', async () => {
        await callDeploy(world, V1);
        const deps = depsBeforeApply(world, () => setImage(world, 'docai/tensorio-models:ok-9'));
        expect(await callDeploy(world, { ...V2, force: true }, deps)).toMatchObject({ outcome: 'deployed', taken });
        const { workloads, revisions } = await expectConsistent(world);
        expect(imageOf(workloads, 'demo-repository')).toBe('docai/tensorio-models:ok-2');
        expect(revisions.at(-1)).toMatchObject({ status: 'deployed', taken });
      });
    });

    test('replicas that the values leave out stay with the manager that sets them', async () => {
      const leaving = (tag: string) => ({
        over: { ...tagged(tag), repository: { deployment: { tag, replicas: null } } },
      });
      await callDeploy(world, leaving('ok-1'));
      const metadata = { name: 'demo-repository', namespace: world.namespace };
      await world.put({ apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec: { replicas: 2 } }, 'autoscaler');
      expect(await callDeploy(world, leaving('ok-2'))).toMatchObject({ outcome: 'deployed', revision: 2 });
      expect(JSON.stringify((await expectConsistent(world)).workloads)).toContain('"replicas":2');
    });

    test('a manual change is reported as a difference, not as a conflict', async () => {
      await callDeploy(world, V1);
      const site = { release: 'demo', namespace: world.namespace, signal: AbortSignal.timeout(30_000) };
      expect(await driftOf(createDeps(world), site)).toMatchObject({ revision: 1, diff: [] });
      await world.put(
        {
          apiVersion: 'apps/v1',
          kind: 'Deployment',
          metadata: { name: 'demo-repository', namespace: world.namespace },
          spec: { replicas: 2 },
        },
        'somebody',
      );
      const { diff } = await driftOf(createDeps(world), site);
      expect(diff.flatMap(({ name: object, changes }) => changes.map((change) => ({ object, ...change })))).toEqual([
        { object: 'demo-repository', path: 'spec.replicas', before: 2, after: 1 },
      ]);
      const still = await recordsOf(world);
      expect(JSON.stringify(still.workloads)).toContain('"replicas":2');
    });

    test('an adoption with another selector is refused as immutable before anything is changed', async () => {
      const labels = { app: 'foreign' };
      const container = { name: 'repository', image: 'docai/tensorio-models:ok' };
      const spec = {
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [container] } },
      };
      const metadata = { name: 'demo-repository', namespace: world.namespace };
      await world.put({ apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec }, 'kubectl-client-side-apply');
      const foreign = await refusal(callDeploy(world, V2));
      expect(foreign).toMatchObject({ status: 409, code: 'owned-by-other' });
      const immutable = await refusal(callDeploy(world, { ...V2, adopt: true }));
      expect(immutable).toMatchObject({ status: 422, code: 'immutable' });
      expect(JSON.stringify(immutable.details['issues'])).toContain('spec.selector');
      expect((await recordsOf(world)).revisions).toEqual([]);
    });

    test('a service account that is removed from the values is removed, including the deprecated field', async () => {
      await callDeploy(world, {
        over: { repository: { deployment: { tag: 'ok-1', pod: { serviceAccountName: 'robot' } } }, flea: null },
      });
      expect(JSON.stringify(specsOf(await expectConsistent(world)))).toContain('"serviceAccountName":"robot"');
      expect(await callDeploy(world, V2)).toMatchObject({ outcome: 'deployed', revision: 2 });
      expect(JSON.stringify(specsOf(await expectConsistent(world)))).not.toContain('robot');
    });

    test('a dry run asks the API server and changes nothing', async () => {
      const dry = await callDeploy(world, { ...V1, dryRun: 'server' });
      expect(dry).toMatchObject({ outcome: 'dry-run', revision: null });
      expect(dry.diff.map(({ kind }) => kind)).toEqual(['Service', 'Service', 'Deployment', 'Deployment']);
      expect(await world.objects()).toEqual([]);
    });

    interface Walk {
      readonly what: string;
      readonly before: readonly Ask[];
      readonly call: (deps: ReturnType<typeof createDeps>) => Promise<unknown>;
      readonly fails?: boolean;
    }
    const walks: readonly Walk[] = [
      { what: 'an install', before: [], call: (deps) => callDeploy(world, V1, deps) },
      { what: 'an upgrade that prunes', before: [V1], call: (deps) => callDeploy(world, V2, deps) },
      {
        what: 'a failed upgrade and its rollback',
        before: [V1],
        call: (deps) => callDeploy(world, BAD, deps),
        fails: true,
      },
      { what: 'a failed install', before: [], call: (deps) => callDeploy(world, BAD, deps), fails: true },
      { what: 'a rollback to a revision', before: [V1, V2], call: (deps) => callDeploy(world, { revision: 1 }, deps) },
      { what: 'an uninstall', before: [V1], call: (deps) => callUninstall(world, deps) },
    ];

    const run = async ({ call, fails }: Walk, deps: ReturnType<typeof createDeps>): Promise<void> => {
      const result = call(deps);
      if (fails === true) expect(await refusal(result)).toMatchObject({ code: 'rolled-back' });
      else await result;
    };

    const restart = async (walk: Walk): Promise<void> => {
      await world.close();
      world = await setup();
      for (const ask of walk.before) await callDeploy(world, ask);
    };

    test.skipIf(noWalks !== '').each(walks)(
      `killed at any write, $what is resumed by the same call${noWalks}`,
      { timeout: 600_000 },
      async (walk) => {
        await restart(walk);
        const clean = createKiller(world.cluster);
        await run(walk, createDeps(world, clean.cluster));
        const wanted = specsOf(await expectConsistent(world));
        expect(clean.writes()).toBeGreaterThan(3);
        for (const [at, when] of killPoints(clean.writes())) {
          await restart(walk);
          const { cluster } = createKiller(world.cluster, at, when);
          await expect(walk.call(createDeps(world, cluster)), `write ${at}, ${when}`).rejects.toThrow(Killed);
          await world.passLease();
          await run(walk, createDeps(world)).catch((error: unknown) => {
            // The uninstall was complete but for the end of its call.
            if (walk.what !== 'an uninstall' || !(error instanceof AppError) || error.status !== 404) throw error;
          });
          expect(specsOf(await expectConsistent(world)), `write ${at}, ${when}`).toEqual(wanted);
        }
      },
    );
  });
};
