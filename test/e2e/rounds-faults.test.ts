import { afterEach, beforeAll, expect, test } from 'vitest';
import { createPrng } from '../rounds/simulation/prng.ts';
import { atOnce, ids } from './helpers/at-once.ts';
import type { UploadLog } from './helpers/books.ts';
import { createUploadLog, expectEachOnce, expectOutputsMatch, watchBooks } from './helpers/books.ts';
import { killAnywhere } from './helpers/kill-anywhere.ts';
import type { Decide } from './helpers/proxy.ts';
import { readTask, roundValues, startSweeping, taskWithBooks } from './helpers/rounds.ts';
import { sized } from './helpers/size.ts';
import { until } from './helpers/until.ts';
import type { World } from './helpers/world.ts';
import { useWorld } from './helpers/world.ts';
import { describeOnApiServers } from './helpers/api-servers.ts';

describeOnApiServers((onCluster) => {
  const KILLS = sized(4, 8, 100);
  // A failed run can be had again.
  const SEED = Number(process.env['E2E_SEED'] ?? '1');

  const useIt = useWorld(() => ({
    aggregator: 'listing',
    values: roundValues({ reportGoal: 10, minReports: 1, maxReports: 15, roundTimeoutSec: 2, maxAttempts: 3 }),
    env: { UPSTREAM_TIMEOUT_SEC: '3' },
    ...onCluster(),
  }));
  let world: World;
  beforeAll(() => {
    world = useIt();
    return startSweeping(world);
  });
  afterEach(() => {
    for (const proxy of Object.values(world.proxies)) {
      proxy.decide();
      proxy.up();
    }
  });

  /** Nothing lost, nothing twice, once all is quiet. */
  const expectAllAggregated = async (taskId: string, log: UploadLog): Promise<void> => {
    const count = log.generations.size;
    await taskWithBooks(world, taskId, { uploaded: count, aggregated: count, pending: 0, running: 0, failed: 0 });
    await expectEachOnce(world, taskId, log);
    await expectOutputsMatch(world, taskId);
  };

  test(`kill -9 of a function’s process at ${KILLS} chosen moments while uploads arrive: nothing lost, nothing twice, the books right at every read`, async () => {
    const chance = createPrng(SEED);
    const log = createUploadLog(world, 'killed');
    const books = watchBooks(world, 'killed', log);
    for (let kill = 0; kill < KILLS; kill += 1) {
      const jobs = ids(`job-${String(kill).padStart(3, '0')}`, chance.between(1, 8));
      await Promise.all([
        killAnywhere(world, chance.pick(['onCheckpoint', 'onCheckpoint', 'aggregate']), chance),
        atOnce(3, jobs, (jobId) => log.upload(jobId)),
      ]);
    }
    await expectAllAggregated('killed', log);
    expect(await books.stop(KILLS + 1)).toBeGreaterThan(KILLS);
  });

  test('while the API server is down updates wait, the books are right, and it says why; then the rounds go on', async () => {
    const log = createUploadLog(world, 'no-cluster');
    await atOnce(10, ids('before', 10), (jobId) => log.upload(jobId));
    const books = watchBooks(world, 'no-cluster', log);
    world.proxies.kubernetes.down();
    await atOnce(10, ids('while', 25), (jobId) => log.upload(jobId));
    await until(async () => {
      const { decision, accounting } = await readTask(world, 'no-cluster');
      expect(accounting).toMatchObject({ uploaded: 35 });
      expect(decision.reason).toMatch(/could not be reached|ECONNRE|connection/i);
    });
    world.proxies.kubernetes.up();
    await expectAllAggregated('no-cluster', log);
    expect(await books.stop(4)).toBeGreaterThan(3);
  });

  test.each([
    ['answers 429', 429, 0.3],
    ['answers 503', 503, 0.3],
    ['resets its connections before or after it acted', 0, 0.2],
  ])('while the bucket %s now and then nothing is lost and nothing twice', async (_words, status, probability) => {
    const taskId = `bucket-${status}`;
    const chance = createPrng(SEED + status);
    const log = createUploadLog(world, taskId);
    const books = watchBooks(world, taskId, log);
    let met = 0;
    const decide: Decide = () => {
      if (!chance.chance(probability)) return 'pass';
      met += 1;
      if (status > 0) return { status };
      return chance.pick(['refuse', 'lose-answer']);
    };
    world.proxies.storage.decide(decide);
    await atOnce(20, ids('job', sized(20, 45, 45)), (jobId) => log.upload(jobId));
    await until(() => expect(met).toBeGreaterThan(sized(25, 60, 60)));
    world.proxies.storage.decide();
    await expectAllAggregated(taskId, log);
    await books.stop();
  });
});
