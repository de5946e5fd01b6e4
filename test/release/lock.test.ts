import { describe, expect, test } from 'vitest';
import type { ReleaseCluster } from '../../src/cluster/release-port.ts';
import { UnavailableError } from '../../src/errors.ts';
import { leaseOf, withLock } from '../../src/release/lock.ts';
import { createDeps, createMemoryWorld } from './world.ts';

const SITE = { release: 'demo', namespace: 'default', signal: AbortSignal.timeout(60_000) };

describe('the Lease of a release', () => {
  test('is free after a call whose last renewal was carried out, and its answer lost', async () => {
    const world = createMemoryWorld();
    let isCut = false;
    const lose = <T>(work: Promise<T>): Promise<T> =>
      isCut ? work.then(() => Promise.reject(new UnavailableError('the answer was lost'))) : work;
    const cluster: ReleaseCluster = {
      ...world.cluster,
      replaceObject: (object, options) => lose(world.cluster.replaceObject(object, options)),
      getObject: (ref, options) => lose(world.cluster.getObject(ref, options)),
    };
    const deps = createDeps(world, cluster);
    await withLock(deps, SITE, { requestId: 'first' }, async ({ ensureLock }) => {
      world.advanceMs(16_000);
      isCut = true;
      await ensureLock();
      isCut = false;
    });
    expect(await leaseOf(deps, SITE)).toBeNull();
  });

  test('is not taken from another call at the end of one that has lost it', async () => {
    const world = createMemoryWorld();
    const deps = createDeps(world);
    const other = Promise.withResolvers<void>();
    let second: Promise<void> | undefined;
    await withLock(deps, SITE, { requestId: 'first' }, async () => {
      world.advanceMs(61_000);
      second = withLock(deps, SITE, { requestId: 'second' }, () => other.promise);
      for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
    });
    expect(await leaseOf(deps, SITE)).toMatchObject({ spec: { holderIdentity: 'second' } });
    other.resolve();
    await second;
    expect(await leaseOf(deps, SITE)).toBeNull();
  });
});
