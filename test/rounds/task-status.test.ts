import { describe, expect, test } from 'vitest';
import { NotFoundError, UnavailableError } from '../../src/errors.ts';
import { advance } from '../../src/rounds/advance.ts';
import { readTask } from '../../src/rounds/task-status.ts';
import { createRoundsWorld, NAMESPACE } from './rounds-world.ts';

describe('the status of a task', () => {
  test('contains counts, decision, policy and arrivals before any round', async () => {
    const world = createRoundsWorld();
    world.upload('t', 'a', 'b');
    expect(await readTask(world.deps, 't')).toMatchObject({
      taskId: 't',
      accounting: { uploaded: 2, pending: 2 },
      decision: { kind: 'wait', nextCheckAt: '2026-01-01T13:00:00.000Z' },
      overdue: false,
      policy: { reportGoal: 3, uploads: 'gs://uploads/tasksJobs/{taskId}/{jobId}.zip' },
      arrivals: { lastHour: 2, goalExpectedAt: '2026-01-01T12:30:00.000Z' },
      rounds: [],
    });
  });

  test('an overdue task shows as such', async () => {
    const world = createRoundsWorld();
    world.upload('t', 'a');
    world.pass(3_600_000);
    expect(await readTask(world.deps, 't')).toMatchObject({
      overdue: true,
      decision: { reason: expect.stringContaining('Overdue since') },
    });
  });

  test.each([
    ['pending', () => undefined],
    ['complete', (world: ReturnType<typeof createRoundsWorld>) => world.complete('rel-t-r1-a1')],
    [
      'failed',
      (world: ReturnType<typeof createRoundsWorld>) => world.cluster.failJob(NAMESPACE, world.jobName('rel-t-r1-a1')),
    ],
    [
      'gone',
      (world: ReturnType<typeof createRoundsWorld>) => world.cluster.removeJob(NAMESPACE, world.jobName('rel-t-r1-a1')),
    ],
  ] as const)('an open round is %s', async (state, happens) => {
    const world = createRoundsWorld();
    world.upload('t', 'a', 'b', 'c');
    await advance(world.deps, 't');
    happens(world);
    const status = await readTask(world.deps, 't');
    expect(status.openRound).toMatchObject({
      round: 1,
      attempt: 1,
      state,
      updates: 3,
      job: { namespace: NAMESPACE, name: expect.stringMatching(/^rel-t-r1-a1-[0-9a-f]{8}$/) },
    });
  });

  test('the update counts are reported when the cluster does not answer, with the error', async () => {
    const world = createRoundsWorld();
    world.upload('t', 'a', 'b', 'c');
    await advance(world.deps, 't');
    const down = { ...world.cluster, getJob: () => Promise.reject(new UnavailableError('The API server is down.')) };
    expect(await readTask(world.instance({ cluster: down }), 't')).toMatchObject({
      accounting: { uploaded: 3, running: 3 },
      decision: { kind: 'wait', reason: 'The API server is down.' },
      openRound: { state: 'unknown' },
    });
  });

  test('a task without state and uploads is not found', async () => {
    await expect(readTask(createRoundsWorld().deps, 't')).rejects.toThrow(NotFoundError);
  });
});
