import { describe, expect, test } from 'vitest';
import type { ReleaseCluster } from '../../src/cluster/release-port.ts';
import { UnavailableError, UpstreamError } from '../../src/errors.ts';
import { cancelOperation } from '../../src/release/cancel.ts';
import { historyOf } from '../../src/release/describe.ts';
import { Killed, createKiller } from './killer.ts';
import type { MemoryWorld } from './world.ts';
import { callDeploy, createDeps, createMemoryWorld, tagged } from './world.ts';

const siteOf = (world: MemoryWorld) => ({
  release: 'demo',
  namespace: world.namespace,
  signal: AbortSignal.timeout(60_000),
});

const cancel = (world: MemoryWorld, cluster = world.cluster) =>
  cancelOperation(createDeps(world, cluster), siteOf(world), 'ann@example.com');

/** A cluster whose first write of an object waits until the call's Lease is marked. */
const heldUntilCancelled = (world: MemoryWorld) => {
  const reached = Promise.withResolvers<void>();
  const marked = Promise.withResolvers<void>();
  const canceller: ReleaseCluster = {
    ...world.cluster,
    replaceObject: async (object, options) => {
      const replaced = await world.cluster.replaceObject(object, options);
      marked.resolve();
      return replaced;
    },
  };
  const cluster: ReleaseCluster = {
    ...world.cluster,
    applyObject: async (object, options) => {
      if (options?.dryRun !== true) {
        reached.resolve();
        await marked.promise;
      }
      return world.cluster.applyObject(object, options);
    },
  };
  return { cluster, canceller, reached: reached.promise };
};

describe('a running deploy', () => {
  test('is cancelled: it stops, its revision is recorded, and the next deploy starts', async () => {
    const world = createMemoryWorld();
    await callDeploy(world, { over: tagged('ok') });
    const { cluster, canceller, reached } = heldUntilCancelled(world);
    const running = callDeploy(world, { over: tagged('slow') }, createDeps(world, cluster));
    const ended = running.catch((error: unknown) => error);
    await reached;
    const before = world.now().getTime();
    const answer = await cancel(world, canceller);
    // Far less than the 60 s of the Lease.
    expect(world.now().getTime() - before).toBeLessThan(10_000);
    expect(answer).toMatchObject({
      outcome: 'cancelled',
      holder: expect.stringContaining('request-'),
      revision: { revision: 2, status: 'interrupted' },
      notes: [expect.stringContaining('POST /demo/rollback?revision=1 restores revision 1')],
    });
    expect(await ended).toMatchObject({ code: 'cancelled', status: 409, message: 'Cancelled by ann@example.com.' });
    expect(await historyOf(createDeps(world), siteOf(world))).toMatchObject({
      revision: 1,
      pending: null,
      revisions: [{ revision: 2, status: 'interrupted', reason: 'Cancelled by ann@example.com.' }, { revision: 1 }],
    });
    expect(await callDeploy(world, { over: tagged('ok-3') })).toMatchObject({ outcome: 'deployed', revision: 3 });
  });

  test('that was killed is cancelled once its Lease is over, in the time that the message names', async () => {
    const world = createMemoryWorld();
    const { cluster } = createKiller(world.cluster, 4);
    await expect(callDeploy(world, { over: tagged('ok') }, createDeps(world, cluster))).rejects.toThrow(Killed);
    const before = world.now().getTime();
    await expect(callDeploy(world, { over: tagged('ok') })).rejects.toMatchObject({
      code: 'busy',
      message: expect.stringMatching(
        /DELETE \/demo\/operations\/current; if it was killed, the release is free in 60 s/,
      ),
    });
    expect(await cancel(world)).toMatchObject({ outcome: 'cancelled', revision: { status: 'interrupted' } });
    expect(world.now().getTime() - before).toBeLessThanOrEqual(61_000);
    expect(await callDeploy(world, { over: tagged('ok') })).toMatchObject({ outcome: 'deployed' });
  });

  test('that does not exist cannot be cancelled', async () => {
    const world = createMemoryWorld();
    await callDeploy(world, { over: tagged('ok') });
    await expect(cancel(world)).rejects.toMatchObject({ status: 404 });
  });
});

describe('a failure that may pass', () => {
  const rows: readonly (readonly [string, Error])[] = [
    ['a webhook that is down', new UnavailableError('failed calling webhook "a.example.com": connection refused')],
    ['a full quota', new UpstreamError('services "demo" is forbidden: exceeded quota: services')],
  ];
  const failing = (world: MemoryWorld, error: Error, dryRun: boolean, times: number): ReleaseCluster => {
    let left = times;
    return {
      ...world.cluster,
      applyObject: async (object, options) => {
        if ((options?.dryRun === true) === dryRun && left > 0) {
          left -= 1;
          throw error;
        }
        return world.cluster.applyObject(object, options);
      },
    };
  };

  test.each(rows)('is waited for: %s', async (_what, error) => {
    for (const dryRun of [true, false]) {
      const world = createMemoryWorld();
      const messages: string[] = [];
      const report = ({ event, message }: { event: string; message: string }): void => {
        if (event === 'retrying') messages.push(message);
      };
      const deps = createDeps(world, failing(world, error, dryRun, 3));
      expect(await callDeploy(world, { over: tagged('ok'), report }, deps)).toMatchObject({ outcome: 'deployed' });
      expect(new Set(messages)).toEqual(new Set([error.message]));
    }
  });

  test.each(rows)('is waited for no longer than the timeout, then rolled back: %s', async (_what, error) => {
    const world = createMemoryWorld();
    await callDeploy(world, { over: tagged('ok') });
    const before = world.now().getTime();
    const failed = callDeploy(
      world,
      { over: tagged('ok-2'), waitSec: 60 },
      createDeps(world, failing(world, error, false, 30)),
    );
    await expect(failed).rejects.toMatchObject({
      code: 'rolled-back',
      message: expect.stringContaining(error.message),
    });
    expect(world.now().getTime() - before).toBeLessThan(70_000);
  });

  test('a failed release has a status that curl --retry does not repeat', async () => {
    const world = createMemoryWorld();
    await expect(callDeploy(world, { over: tagged('bad-name') })).rejects.toMatchObject({
      code: 'rolled-back',
      status: 422,
    });
  });
});
