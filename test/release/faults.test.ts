import { describe, expect, test } from 'vitest';
import type { ReleaseCluster } from '../../src/cluster/release-port.ts';
import { AppError, UnavailableError } from '../../src/errors.ts';
import { expectConsistent } from './invariants.ts';
import { createFlaky, createKiller, Killed, killPoints } from './killer.ts';
import type { Ask, MemoryWorld } from './world.ts';
import { callDeploy, callUninstall, createDeps, createMemoryWorld, tagged } from './world.ts';

const V1: Ask = { over: tagged('ok-1', 'ok-1') };
const V2: Ask = { over: tagged('ok-2') };
const BAD: Ask = { over: tagged('bad-name') };

type Call = (world: MemoryWorld, cluster: ReleaseCluster) => Promise<unknown>;

const calls: readonly (readonly [string, readonly Ask[], Call])[] = [
  ['an install', [], (world, cluster) => callDeploy(world, V1, createDeps(world, cluster))],
  ['an upgrade', [V1], (world, cluster) => callDeploy(world, V2, createDeps(world, cluster))],
  ['a failed upgrade', [V1], (world, cluster) => callDeploy(world, BAD, createDeps(world, cluster))],
  ['an uninstall', [V1], (world, cluster) => callUninstall(world, createDeps(world, cluster))],
];

test('killed at any write, giving up a release is resumed by the same call', async () => {
  const give = (world: MemoryWorld, cluster?: ReleaseCluster) =>
    callUninstall(world, createDeps(world, cluster), 'demo', { keep: true });
  const writes = await countWrites([V1], give);
  for (const [at, when] of killPoints(writes)) {
    const world = await start([V1]);
    await expect(give(world, createKiller(world.cluster, at, when).cluster)).rejects.toThrow(Killed);
    await world.passLease();
    const end = await give(world).then(
      () => 200,
      (error: unknown) => (error instanceof AppError ? error.status : error),
    );
    // 404: the killed call had done everything.
    expect([200, 404], `write ${at}, ${when}`).toContain(end);
    const left = await world.objects();
    expect(left.map(({ kind }) => kind).toSorted()).toEqual(['Deployment', 'Deployment', 'Service', 'Service']);
    expect(JSON.stringify(left), `write ${at}, ${when}`).not.toContain('tensorio-trigger/release');
  }
});

const start = async (before: readonly Ask[]): Promise<MemoryWorld> => {
  const world = createMemoryWorld();
  for (const ask of before) await callDeploy(world, ask);
  return world;
};

const countWrites = async (before: readonly Ask[], call: Call): Promise<number> => {
  const world = await start(before);
  const { cluster, writes } = createKiller(world.cluster);
  await call(world, cluster).catch(() => undefined);
  return writes();
};

const WHEN = ['before', 'after'] as const;

describe('an answer that is lost, at any write', () => {
  test.each(calls)('%s ends, and the next deploy ends well', { timeout: 60_000 }, async (_what, before, call) => {
    const writes = await countWrites(before, call);
    for (let at = 1; at <= writes; at += 1) {
      for (const when of WHEN) {
        const world = await start(before);
        const flaky = createFlaky(world.cluster, at, when, () => new UnavailableError('the answer was lost'));
        const end = await call(world, flaky).catch((error: unknown) => error);
        // An end that is open says so: the same call again may end otherwise.
        const code = end instanceof AppError ? end.code : 'done';
        expect(['done', 'rolled-back', 'unavailable', 'contention'], `write ${at}, ${when}`).toContain(code);
        await world.passLease();
        expect(await callDeploy(world, V1), `write ${at}, ${when}`).toMatchObject({ release: 'demo' });
        await expectConsistent(world);
      }
    }
  });
});

describe('a process that ends, at any write', () => {
  test.each(calls)('%s is followed by a deploy of other values', { timeout: 60_000 }, async (_what, before, call) => {
    const writes = await countWrites(before, call);
    for (const [at, when] of killPoints(writes)) {
      const world = await start(before);
      await expect(call(world, createKiller(world.cluster, at, when).cluster)).rejects.toThrow(Killed);
      await world.passLease();
      const other = await callDeploy(world, { over: tagged('ok-3', 'ok-3') });
      expect(other, `write ${at}, ${when}`).toMatchObject({ outcome: 'deployed' });
      await expectConsistent(world);
    }
  });

  test.each(calls)(
    '%s is followed by an uninstall, which leaves nothing',
    { timeout: 60_000 },
    async (_what, before, call) => {
      const writes = await countWrites(before, call);
      for (const [at, when] of killPoints(writes)) {
        const world = await start(before);
        await expect(call(world, createKiller(world.cluster, at, when).cluster)).rejects.toThrow(Killed);
        await world.passLease();
        await callUninstall(world).catch((error: unknown) => {
          if (!(error instanceof AppError) || error.status !== 404) throw error;
        });
        expect(await world.objects(), `write ${at}, ${when}`).toEqual([]);
      }
    },
  );

  test('until its Lease ends the release is busy, and then it is free', async () => {
    const world = await start([]);
    const { cluster } = createKiller(world.cluster, 3);
    await expect(callDeploy(world, V1, createDeps(world, cluster))).rejects.toThrow(Killed);
    world.advanceMs(59_000);
    await expect(callDeploy(world, V1)).rejects.toMatchObject({ code: 'busy', headers: { 'Retry-After': '1' } });
    world.advanceMs(1_000);
    expect(await callDeploy(world, V1)).toMatchObject({ outcome: 'deployed' });
  });
});

test('a call that lost its Lease to another stops writing at once', async () => {
  const world = await start([]);
  const deps = createDeps(world);
  let taken = false;
  const wait = async (ms: number): Promise<void> => {
    await world.wait(ms);
    if (taken) return;
    taken = true;
    // It slept past its Lease, and another call has worked in between.
    world.advanceMs(61_000);
    await callDeploy(world, { over: tagged('ok-2') });
  };
  const frozen = callDeploy(world, { over: tagged('slow') }, { ...deps, launch: { ...deps.launch, wait } });
  await expect(frozen).rejects.toMatchObject({ code: 'busy', message: expect.stringContaining('Stopped working') });
  const { pointer } = await expectConsistent(world);
  expect(pointer?.current).toBe(2);
});

describe('a process that ends while it recreates a deleted object', () => {
  test('leaves nothing that an uninstall does not delete', { timeout: 60_000 }, async () => {
    const begin = async (): Promise<MemoryWorld> => {
      const world = await start([V1]);
      world.memory.remove({ apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'default', name: 'demo-flea' });
      return world;
    };
    const V3: Ask = { over: tagged('ok-3', 'ok-3') };
    const counted = await begin();
    const { cluster: counting, writes } = createKiller(counted.cluster);
    await callDeploy(counted, V3, createDeps(counted, counting));
    for (const [at, when] of killPoints(writes())) {
      const world = await begin();
      const { cluster } = createKiller(world.cluster, at, when);
      await expect(callDeploy(world, V3, createDeps(world, cluster))).rejects.toThrow(Killed);
      await world.passLease();
      await callUninstall(world);
      expect(await world.objects(), `write ${at}, ${when}`).toEqual([]);
    }
  });
});

describe('a process that ends while it undoes a failed upgrade', () => {
  test('has recorded why it failed, and the next call keeps that', { timeout: 60_000 }, async () => {
    const writes = await countWrites([V1], (world, cluster) => callDeploy(world, BAD, createDeps(world, cluster)));
    const ends: { readonly status: string; readonly reason: string; readonly hasEvidence: boolean }[] = [];
    for (const [at, when] of killPoints(writes)) {
      const world = await start([V1]);
      const { cluster } = createKiller(world.cluster, at, when);
      await expect(callDeploy(world, BAD, createDeps(world, cluster))).rejects.toThrow(Killed);
      await world.passLease();
      await callDeploy(world, V1);
      const failed = (await expectConsistent(world)).revisions.find(({ revision }) => revision === 2);
      const { status = 'none', reason = '', evidence } = failed ?? {};
      ends.push({ status, reason, hasEvidence: evidence !== undefined });
    }
    const first = ends.findIndex(({ hasEvidence }) => hasEvidence);
    const afterwards = ends.slice(first);
    expect(afterwards.every(({ hasEvidence, reason }) => hasEvidence && reason.includes('InvalidImageName'))).toBe(
      true,
    );
    // While the rollback was under way, and once the failure was on record.
    expect(afterwards.filter(({ status }) => status === 'interrupted').length).toBeGreaterThan(1);
    expect(afterwards.filter(({ status }) => status === 'interrupted')[0]?.reason).toMatch(
      /ended before the revision was complete\.$/,
    );
    expect(afterwards.filter(({ status }) => status === 'failed').length).toBeGreaterThan(0);
  });
});

describe('old revisions', () => {
  const revisionsOf = async (world: MemoryWorld): Promise<string[]> =>
    (await expectConsistent(world)).revisions.map(({ revision, status }) => `${revision} ${status}`);

  test('go, failed ones too; what runs and what ran before it stay', { timeout: 60_000 }, async () => {
    const world = await start([V1, V2]);
    for (let count = 0; count < 12; count += 1)
      await expect(callDeploy(world, BAD)).rejects.toMatchObject({ code: 'rolled-back' });
    const failed = Array.from({ length: 10 }, (_, index) => `${index + 5} failed`);
    expect(await revisionsOf(world)).toEqual(['1 superseded', '2 deployed', ...failed]);
    expect(await callDeploy(world, { revision: 0 })).toMatchObject({ outcome: 'deployed', revision: 15 });
    expect(await revisionsOf(world)).toEqual(['2 superseded', ...failed.slice(1), '15 deployed']);
  });

  test('that cannot be removed now are a warning: the release is out', async () => {
    const world = await start([V1]);
    let lists = 0;
    const cluster: ReleaseCluster = {
      ...world.cluster,
      listObjects: (kind, ...rest) => {
        lists += kind.kind === 'ConfigMap' ? 1 : 0;
        // The first two are looks at the release before anything is written.
        if (lists > 2) return Promise.reject(new UnavailableError('the API server restarts'));
        return world.cluster.listObjects(kind, ...rest);
      },
    };
    const answer = await callDeploy(world, V2, createDeps(world, cluster));
    expect(answer).toMatchObject({ outcome: 'deployed', revision: 2 });
    expect(answer.warnings).toContainEqual(expect.stringContaining('the API server restarts'));
    await expectConsistent(world);
  });
});
