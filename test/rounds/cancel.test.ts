import { describe, expect, test } from 'vitest';
import { ConflictError, NotFoundError } from '../../src/errors.ts';
import { advance } from '../../src/rounds/advance.ts';
import { cancel } from '../../src/rounds/cancel.ts';
import { redrive } from '../../src/rounds/redrive.ts';
import { readTask } from '../../src/rounds/task-status.ts';
import { createRoundsWorld, NAMESPACE, policyOf, valuesOf } from './rounds-world.ts';

const running = async (queue?: string) => {
  const world = createRoundsWorld();
  const aggregator = queue === undefined ? {} : { queueName: queue };
  const deps = world.instance({ values: valuesOf([policyOf()], aggregator) });
  world.upload('t', 'a', 'b', 'c');
  await advance(deps, 't');
  return { world, deps };
};

describe('cancel', () => {
  test('suspends the Job, ends the round as failed, and leaves it to be redriven', async () => {
    const { world, deps } = await running();
    expect((await cancel(deps, 't', 1)).done.map(({ act }) => act)).toEqual(['suspend-job', 'fail', 'publish']);
    expect(await world.cluster.getJob(NAMESPACE, world.jobName('rel-t-r1-a1'))).toMatchObject({
      spec: { suspend: true },
    });
    expect(world.state('tasks/t/rounds/000001/result.json')).toMatchObject({
      outcome: 'failed',
      failures: [{ code: 'Cancelled' }],
    });
    expect(await redrive(deps, 't', 1)).toMatchObject({ redrivenAs: 2, updates: 3 });
  });

  test('comes too late for a Job that is complete: the round is aggregated', async () => {
    const { world, deps } = await running();
    world.complete('rel-t-r1-a1');
    await cancel(deps, 't', 1);
    expect((await readTask(deps, 't')).accounting).toMatchObject({ aggregated: 3, failed: 0 });
  });

  test('before the Job was created reserves its name, so that no instance creates it later', async () => {
    const world = createRoundsWorld();
    const stuck = world.instance({
      cluster: { ...world.cluster, secretKeys: () => Promise.reject(new ConflictError('not yet')) },
    });
    world.upload('t', 'a', 'b', 'c');
    await expect(advance(stuck, 't')).rejects.toThrow('not yet');
    await cancel(stuck, 't', 1);
    expect(world.cluster.jobs()).toMatchObject([
      { metadata: { name: expect.stringMatching(/^rel-t-r1-a1-[0-9a-f]{8}$/) }, spec: { suspend: true } },
    ]);
    expect(world.cluster.pods()).toEqual([]);
  });

  test('deletes a Job that Kueue would resume, and takes its name without the queue', async () => {
    const { world, deps } = await running('team-a');
    expect((await cancel(deps, 't', 1)).done.map(({ act }) => act)).toEqual([
      'delete-job',
      'create-placeholder',
      'fail',
      'publish',
    ]);
    expect(world.cluster.jobs()).toMatchObject([
      { metadata: { labels: { 'tensorio-trigger/task': 't' } }, spec: { suspend: true } },
    ]);
    expect(world.cluster.jobs()[0]?.metadata?.labels).not.toHaveProperty(['kueue.x-k8s.io/queue-name']);
  });

  test('is carried out by the next look when the instance died after it was wished', async () => {
    const { world, deps } = await running();
    const dying = world.instance({
      cluster: { ...world.cluster, suspendJob: () => Promise.reject(new Error('killed')) },
    });
    await expect(cancel(dying, 't', 1)).rejects.toThrow('killed');
    expect((await readTask(deps, 't')).openRound).toMatchObject({ state: 'cancelled' });
    expect((await advance(deps, 't')).done.map(({ act }) => act)).toEqual(['suspend-job', 'fail', 'publish']);
  });

  test('refuses a round that is not open; a dry run changes nothing', async () => {
    const { world, deps } = await running();
    await expect(cancel(deps, 't', 2)).rejects.toThrow(NotFoundError);
    expect((await cancel(deps, 't', 1, { dryRun: true })).decision.reason).toContain('would be cancelled');
    world.complete('rel-t-r1-a1');
    await advance(deps, 't');
    await expect(cancel(deps, 't', 1)).rejects.toThrow('Round 1 has ended already: it was aggregated.');
  });
});
