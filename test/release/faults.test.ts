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
