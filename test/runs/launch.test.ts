import { describe, expect, test } from 'vitest';
import { cancelRun } from '../../src/runs/cancel.ts';
import { launch } from '../../src/runs/launch.ts';
import { readRun } from '../../src/runs/store.ts';
import type { Cluster } from '../../src/cluster/port.ts';
import {
  ConflictError,
  DeadlineError,
  ForbiddenError,
  InvalidRequestError,
  PreflightError,
  UnavailableError,
  UpstreamError,
} from '../../src/errors.ts';
import type { ObjectStore } from '../../src/storage/port.ts';
import { parseGsUri } from '../../src/storage/uri.ts';
import { buildRequest, createLaunchWorld, LIST, NAMESPACE } from '../helpers/launch-world.ts';
import type { MemoryCluster } from '../helpers/memory-cluster.ts';
import type { MemoryStore } from '../helpers/memory-store.ts';

const RUN = { dryRun: false };
const JOB = 'flea-aggregator-a1';

const errorOf = async (work: Promise<unknown>): Promise<unknown> => {
  try {
    await work;
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
};

describe('a first request', () => {
  test('creates the Job and records it', async () => {
    const world = createLaunchWorld();
    const { outcome, record } = await launch(world.deps, buildRequest(), RUN);
    expect(outcome).toBe('created');
    expect(record).toMatchObject({ state: 'created', jobName: JOB, list: { updates: 2 } });
    expect(world.cluster.jobs().map((job) => job.metadata?.name)).toEqual([JOB]);
    const stored = await readRun(world.deps, 'a1');
    expect(stored?.record).toEqual(record);
  });

  test('says so when the Job needs another name', async () => {
    const world = createLaunchWorld();
    const { warnings, record } = await launch(world.deps, buildRequest({ aggregationId: 'Round_1' }), RUN);
    expect(record.jobName).toMatch(/^flea-aggregator-round-1-[0-9a-f]{10}$/);
    expect(warnings.join(' ')).toContain(record.jobName);
  });

  test('of a dry run writes nothing', async () => {
    const world = createLaunchWorld();
    const { outcome, manifest } = await launch(world.deps, buildRequest(), { dryRun: true });
    expect(outcome).toBe('dry-run');
    expect(manifest?.metadata?.name).toBe(JOB);
    expect(world.cluster.jobs()).toEqual([]);
    expect(world.store.all('state')).toEqual([]);
  });
});

describe('before anything is written', () => {
  test.each([
    [
      'a missing list',
      (world: ReturnType<typeof createLaunchWorld>) => world.store.delete(parseGsUri(LIST)),
      InvalidRequestError,
      'does not exist',
    ],
    [
      'an empty list',
      (world: ReturnType<typeof createLaunchWorld>) => world.store.put(parseGsUri(LIST), '\n'),
      InvalidRequestError,
      'is empty',
    ],
    [
      'a faulty line',
      (world: ReturnType<typeof createLaunchWorld>) => world.store.put(parseGsUri(LIST), 'gs://models/u/1\n/u/2\n'),
      InvalidRequestError,
      'line 2',
    ],
    [
      'a foreign bucket in the list',
      (world: ReturnType<typeof createLaunchWorld>) => world.store.put(parseGsUri(LIST), 'gs://other/u/1\n'),
      InvalidRequestError,
      'bucket "other"',
    ],
    [
      'a missing Secret',
      (world: ReturnType<typeof createLaunchWorld>) => world.cluster.removeSecret(NAMESPACE, 'sacred'),
      PreflightError,
      'models/sacred does not exist',
    ],
    [
      'a missing key',
      (world: ReturnType<typeof createLaunchWorld>) => world.cluster.setSecret(NAMESPACE, 'sacred', ['x']),
      PreflightError,
      'has no key "sacred.json"',
    ],
  ] as const)('%s is reported, and nothing is claimed', async (_name, break_, type, words) => {
    const world = createLaunchWorld();
    break_(world);
    const error = await errorOf(launch(world.deps, buildRequest(), RUN));
    expect(error).toBeInstanceOf(type);
    expect(String(error)).toContain(words);
    expect(world.store.all('state')).toEqual([]);
    expect(world.cluster.jobs()).toEqual([]);
  });

  test.each([
    [{ namespace: 'kube-system' }, 'namespace "kube-system" is not allowed'],
    [{ repository: 'evil/flea-aggregator' }, 'image "evil/flea-aggregator" is not allowed'],
    [{ outputPath: 'gs://other/out' }, 'bucket "other" is not allowed'],
    [{ checkpointsFilePath: 'gs://other/list' }, 'bucket "other" is not allowed'],
  ])('%o is refused by configuration', async (over, words) => {
    const world = createLaunchWorld();
    const error = await errorOf(launch(world.deps, buildRequest(over), RUN));
    expect(error).toBeInstanceOf(ForbiddenError);
    expect(String(error)).toContain(words);
    expect(world.store.all('state')).toEqual([]);
  });
});

describe('the same request again', () => {
  test('creates nothing and says exists', async () => {
    const world = createLaunchWorld();
    await launch(world.deps, buildRequest(), RUN);
    const again = await launch(world.deps, buildRequest(), RUN);
    expect(again.outcome).toBe('exists');
    expect(world.cluster.jobs()).toHaveLength(1);
  });

  test('also 50 at once: one creates', async () => {
    const world = createLaunchWorld();
    const all = await Promise.all(Array.from({ length: 50 }, () => launch(world.deps, buildRequest(), RUN)));
    expect(all.filter(({ outcome }) => outcome === 'created')).toHaveLength(1);
    expect(all.filter(({ outcome }) => outcome === 'exists')).toHaveLength(49);
    expect(world.cluster.jobs()).toHaveLength(1);
  });

  test('also when the Job is gone after its TTL', async () => {
    const world = createLaunchWorld();
    await launch(world.deps, buildRequest(), RUN);
    world.cluster.removeJob(NAMESPACE, JOB);
    expect((await launch(world.deps, buildRequest(), RUN)).outcome).toBe('exists');
    expect(world.cluster.jobs()).toHaveLength(0);
  });

  test('also from another trigger', async () => {
    const world = createLaunchWorld();
    await launch(world.deps, buildRequest(), RUN);
    expect((await launch(world.deps, buildRequest({}, { trigger: 'schedule' }), RUN)).outcome).toBe('exists');
    expect(world.cluster.jobs()).toHaveLength(1);
  });

  test('also when its placeholders stand for another moment now', async () => {
    const world = createLaunchWorld();
    const asked = { outputPath: 'gs://models/{time}' };
    await launch(world.deps, buildRequest({ outputPath: 'gs://models/0200' }, { asked }), RUN);
    const again = await launch(world.deps, buildRequest({ outputPath: 'gs://models/0201' }, { asked }), RUN);
    expect(again).toMatchObject({ outcome: 'exists', record: { spec: { outputPath: 'gs://models/0200' } } });
  });

  test('with another specification is a conflict that names the fields', async () => {
    const world = createLaunchWorld();
    await launch(world.deps, buildRequest(), RUN);
    const error = await errorOf(launch(world.deps, buildRequest({ tag: '1.1', backoffLimit: 3 }), RUN));
    expect(error).toBeInstanceOf(ConflictError);
    expect(error).toMatchObject({
      details: {
        conflicts: [
          { field: 'backoffLimit', claimed: 1, requested: 3 },
          { field: 'tag', claimed: '1.0', requested: '1.1' },
        ],
      },
    });
  });
});

type Fault = { readonly at: 'before' | 'after'; readonly error: Error };

/** Each create in turn ends as `faults` says: before or after the server acted. */
const faultyCreates =
  (faults: readonly (Fault | null)[]) =>
  (cluster: MemoryCluster): Cluster => {
    let call = 0;
    return {
      ...cluster,
      createJob: async (job, options) => {
        const fault = faults[call++] ?? null;
        if (fault?.at === 'before') throw fault.error;
        const result = await cluster.createJob(job, options);
        if (fault !== null) throw fault.error;
        return result;
      },
    };
  };

const LOST = new UnavailableError('the connection was reset');
const LATE = new DeadlineError('no answer in time');

describe('an ambiguous create', () => {
  test.each([
    ['a reset after the server acted', [{ at: 'after', error: LOST }]],
    ['a timeout after the server acted', [{ at: 'after', error: LATE }]],
    ['a reset before the server acted', [{ at: 'before', error: LOST }]],
    [
      'two resets before',
      [
        { at: 'before', error: LOST },
        { at: 'before', error: LATE },
      ],
    ],
    [
      'one before, one after',
      [
        { at: 'before', error: LATE },
        { at: 'after', error: LOST },
      ],
    ],
  ] as const)('(%s) ends as one Job', async (_name, faults) => {
    const world = createLaunchWorld({ cluster: faultyCreates(faults) });
    expect((await launch(world.deps, buildRequest(), RUN)).outcome).toBe('created');
    expect(world.cluster.jobs()).toHaveLength(1);
    expect((await readRun(world.deps, 'a1'))?.record.state).toBe('created');
  });

  test('that never succeeds leaves a claim which the next call finishes', async () => {
    const world = createLaunchWorld({
      cluster: faultyCreates([1, 2, 3].map(() => ({ at: 'before' as const, error: LOST }))),
    });
    expect(await errorOf(launch(world.deps, buildRequest(), RUN))).toBe(LOST);
    expect((await readRun(world.deps, 'a1'))?.record).toMatchObject({ state: 'claimed', why: LOST.message });
    expect((await launch(world.deps, buildRequest(), RUN)).outcome).toBe('created');
    expect(world.cluster.jobs()).toHaveLength(1);
  });
});

test('a refused Job is on record, and the id may be claimed with another specification', async () => {
  const refusal = new UpstreamError('priority class "x" does not exist');
  const world = createLaunchWorld({ cluster: faultyCreates([{ at: 'before', error: refusal }]) });
  expect(await errorOf(launch(world.deps, buildRequest({ priorityClassName: 'x' }), RUN))).toBe(refusal);
  expect((await readRun(world.deps, 'a1'))?.record.state).toBe('refused');
  expect((await launch(world.deps, buildRequest(), RUN)).outcome).toBe('created');
  expect(world.cluster.jobs()).toHaveLength(1);
});

test('a Job of the same name that is not ours is a conflict whose message has the remedy', async () => {
  const world = createLaunchWorld();
  await world.cluster.createJob({
    metadata: { name: JOB, namespace: NAMESPACE },
    spec: { template: { spec: { containers: [] } } },
  });
  const error = await errorOf(launch(world.deps, buildRequest(), RUN));
  expect(error).toBeInstanceOf(ConflictError);
  expect(String(error)).toContain(`kubectl delete job ${JOB} --namespace ${NAMESPACE}`);
});

/** Stops for good, as a killed instance does, before or after the nth write to the bucket or the cluster. */
class Killed extends Error {}

const killing = (kill: number, when: 'before' | 'after') => {
  let writes = 0;
  let dead = false;
  const step = async <T>(isWrite: boolean, work: () => Promise<T>): Promise<T> => {
    if (dead) throw new Killed();
    const isHit = isWrite && ++writes === kill;
    if (isHit && when === 'before') dead = true;
    if (dead) throw new Killed();
    const result = await work();
    if (isHit) dead = true;
    if (dead) throw new Killed();
    return result;
  };
  return {
    reached: () => writes >= kill,
    store: (store: MemoryStore): ObjectStore => ({
      ...store,
      read: (uri, options) => step(false, () => store.read(uri, options)),
      write: (uri, text, options) => step(true, () => store.write(uri, text, options)),
    }),
    cluster: (cluster: MemoryCluster): Cluster => ({
      ...cluster,
      createJob: (job, options) => step(true, () => cluster.createJob(job, options)),
      getJob: (namespace, name, options) => step(false, () => cluster.getJob(namespace, name, options)),
    }),
  };
};

describe('killed at any write', () => {
  const schedule = { name: 'nightly', concurrencyPolicy: 'Forbid' as const };
  const kinds = [
    ['http', buildRequest(), 4],
    ['schedule', buildRequest({ schedule: 'nightly' }, { trigger: 'schedule', schedule }), 5],
  ] as const;
  test.each(kinds)('%s: the call again ends as one Job and a true record', async (_trigger, request, writes) => {
    let kills = 0;
    for (let kill = 1; kill <= 10; kill += 1) {
      for (const when of ['before', 'after'] as const) {
        const killer = killing(kill, when);
        const world = createLaunchWorld(killer);
        const first = await launch(world.deps, request, RUN).catch((error: unknown) => error);
        if (!killer.reached()) continue;
        kills += 1;
        expect(first).toBeInstanceOf(Killed);
        const next = { ...world.deps, store: world.store, cluster: world.cluster };
        await launch(next, request, RUN);
        expect(world.cluster.jobs()).toHaveLength(1);
        const record = (await readRun(next, 'a1'))?.record;
        expect(record).toMatchObject({ state: 'created', job: { uid: world.cluster.jobs()[0]?.metadata?.uid } });
      }
    }
    // Claim, (slot,) output directory, Job, record: before and after each.
    expect(kills).toBe(writes * 2);
  });
});

describe('a cancelled run', () => {
  test('has no Job, stays on record, and the same request again says exists', async () => {
    const world = createLaunchWorld();
    await launch(world.deps, buildRequest(), RUN);
    await cancelRun(world.deps, 'a1', 'Cancelled.');
    expect(world.cluster.jobs()).toHaveLength(0);
    const again = await launch(world.deps, buildRequest(), RUN);
    expect(again).toMatchObject({ outcome: 'exists', record: { state: 'cancelled' } });
  });

  test('that was cancelled between claim and create loses the Job that was made all the same', async () => {
    const world = createLaunchWorld({
      cluster: (cluster) => ({
        ...cluster,
        createJob: async (job, options) => {
          await cancelRun(createDeps(), 'a1', 'Cancelled.');
          return cluster.createJob(job, options);
        },
      }),
    });
    const createDeps = () => ({ ...world.deps, cluster: world.cluster });
    const { outcome, record } = await launch(world.deps, buildRequest(), RUN);
    expect({ outcome, state: record.state }).toEqual({ outcome: 'exists', state: 'cancelled' });
    expect(world.cluster.jobs()).toHaveLength(0);
  });
});

describe('a scheduled run', () => {
  const tick = (id: string, concurrencyPolicy: 'Allow' | 'Forbid' | 'Replace') =>
    buildRequest(
      { aggregationId: id, schedule: 'nightly' },
      { trigger: 'schedule', schedule: { name: 'nightly', concurrencyPolicy } },
    );

  test('is claimed before it is checked, and carried on by the next call', async () => {
    const world = createLaunchWorld();
    world.cluster.removeSecret(NAMESPACE, 'sacred');
    expect(await errorOf(launch(world.deps, tick('t1', 'Allow'), RUN))).toBeInstanceOf(PreflightError);
    expect((await readRun(world.deps, 't1'))?.record).toMatchObject({
      state: 'claimed',
      why: expect.stringContaining('sacred'),
    });
    world.cluster.setSecret(NAMESPACE, 'sacred', ['sacred.json']);
    expect((await launch(world.deps, tick('t1', 'Allow'), RUN)).outcome).toBe('created');
  });

  test('with Allow runs beside an active one', async () => {
    const world = createLaunchWorld();
    await launch(world.deps, tick('t1', 'Allow'), RUN);
    expect((await launch(world.deps, tick('t2', 'Allow'), RUN)).outcome).toBe('created');
    expect(world.cluster.jobs()).toHaveLength(2);
  });

  test('with Forbid is skipped while another is active, whatever trigger made that', async () => {
    const world = createLaunchWorld();
    const byHand = { ...tick('t1', 'Forbid'), trigger: 'http' as const };
    await launch(world.deps, byHand, RUN);
    const skipped = await launch(world.deps, tick('t2', 'Forbid'), RUN);
    expect(skipped).toMatchObject({
      outcome: 'skipped',
      record: { state: 'skipped', why: expect.stringContaining('"t1"') },
    });
    expect((await launch(world.deps, tick('t2', 'Forbid'), RUN)).outcome).toBe('exists');
    world.cluster.completeJob(NAMESPACE, 'flea-aggregator-t1');
    expect((await launch(world.deps, tick('t3', 'Forbid'), RUN)).outcome).toBe('created');
  });

  test('with Replace ends the active one', async () => {
    const world = createLaunchWorld();
    await launch(world.deps, tick('t1', 'Replace'), RUN);
    expect((await launch(world.deps, tick('t2', 'Replace'), RUN)).outcome).toBe('created');
    expect(world.cluster.jobs().map((job) => job.metadata?.name)).toEqual(['flea-aggregator-t2']);
    expect((await readRun(world.deps, 't1'))?.record).toMatchObject({
      state: 'cancelled',
      why: expect.stringContaining('"t2"'),
    });
  });

  test('with Forbid, of many at once one runs', async () => {
    const world = createLaunchWorld();
    const all = await Promise.allSettled(
      Array.from({ length: 5 }, (_, index) => launch(world.deps, tick(`t${index}`, 'Forbid'), RUN)),
    );
    expect(world.cluster.jobs()).toHaveLength(1);
    expect(all.filter((one) => one.status === 'fulfilled' && one.value.outcome === 'created')).toHaveLength(1);
  });
});
