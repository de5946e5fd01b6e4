import { describe, expect, test } from 'vitest';
import { ConflictError, InvalidRequestError, NotFoundError } from '../../src/errors.ts';
import { advance } from '../../src/rounds/advance.ts';
import { redrive } from '../../src/rounds/redrive.ts';
import { readTask } from '../../src/rounds/task-status.ts';
import { createRoundsWorld, NAMESPACE } from './rounds-world.ts';

/** A task whose round 1, of the updates a, b and c, has failed. */
const withFailedRound = async () => {
  const world = createRoundsWorld({ maxAttempts: 1 });
  world.upload('t', 'a', 'b', 'c');
  await advance(world.deps, 't');
  world.cluster.failJob(NAMESPACE, world.jobName('rel-t-r1-a1'));
  await advance(world.deps, 't');
  return world;
};

describe('redrive', () => {
  test('runs a failed round once more, as a round of its own, without the poisoned update', async () => {
    const world = await withFailedRound();
    expect(await redrive(world.deps, 't', 1, { without: ['b'] })).toMatchObject({
      outcome: 'created',
      redrivenAs: 2,
      updates: 2,
    });
    expect(world.state('tasks/t/rounds/000002/manifest.json')).toMatchObject({ redriveOf: 1, without: ['b'] });
    expect((await readTask(world.deps, 't')).accounting).toMatchObject({ uploaded: 3, running: 2, failed: 1 });
    world.complete('rel-t-r2-a1');
    await advance(world.deps, 't');
    const status = await readTask(world.deps, 't');
    expect(status.accounting).toMatchObject({ uploaded: 3, aggregated: 2, failed: 1 });
    expect(status.rounds).toMatchObject([
      { round: 2, outcome: 'aggregated', redriveOf: 1 },
      { round: 1, outcome: 'failed', redrivenAs: 2 },
    ]);
  });

  test('asked again, it answers what was done', async () => {
    const world = await withFailedRound();
    await redrive(world.deps, 't', 1);
    expect(await redrive(world.deps, 't', 1)).toMatchObject({ outcome: 'exists', redrivenAs: 2, updates: 3 });
    world.complete('rel-t-r2-a1');
    expect(await redrive(world.deps, 't', 1)).toMatchObject({ outcome: 'exists', redrivenAs: 2 });
    expect(world.cluster.jobs()).toHaveLength(2);
  });

  test('twenty at once make one round', async () => {
    const world = await withFailedRound();
    const answers = await Promise.all(Array.from({ length: 20 }, () => redrive(world.instance(), 't', 1)));
    expect(new Set(answers.map(({ redrivenAs }) => redrivenAs))).toEqual(new Set([2]));
    expect(world.cluster.jobs()).toHaveLength(2);
  });

  test('a failed redrive can be redriven in its turn', async () => {
    const world = await withFailedRound();
    await redrive(world.deps, 't', 1, { without: ['a'] });
    world.cluster.failJob(NAMESPACE, world.jobName('rel-t-r2-a1'));
    await advance(world.deps, 't');
    expect((await readTask(world.deps, 't')).accounting).toMatchObject({ uploaded: 3, failed: 3 });
    expect(await redrive(world.deps, 't', 2, { without: ['b'] })).toMatchObject({ redrivenAs: 3, updates: 1 });
  });

  test('a dry run names the round it would make, and makes none', async () => {
    const world = await withFailedRound();
    const answer = await redrive(world.deps, 't', 1, { without: ['c'], dryRun: true });
    expect(answer).toMatchObject({
      outcome: 'dry-run',
      reason: 'Round 2 aggregates the 2 updates of failed round 1 without c.',
    });
    expect(world.state('tasks/t/rounds/000002/manifest.json')).toBeUndefined();
  });

  test('while a round is open, the request is recorded and carried out next', async () => {
    const world = await withFailedRound();
    world.upload('t', 'd', 'e', 'f');
    await advance(world.deps, 't');
    const request = { without: ['b'] };
    expect(await redrive(world.deps, 't', 1, request)).toMatchObject({
      outcome: 'recorded',
      updates: 2,
      reason: 'The request is recorded: round 1 is redriven without b when round 2 has ended.',
    });
    expect(await redrive(world.deps, 't', 1, request)).toMatchObject({ outcome: 'recorded' });
    expect(await readTask(world.deps, 't')).toMatchObject({ redrives: [{ round: 1, without: ['b'] }] });
    world.upload('t', 'g', 'h', 'i');
    world.complete('rel-t-r2-a1');
    await advance(world.deps, 't');
    expect(world.state('tasks/t/rounds/000003/manifest.json')).toMatchObject({ redriveOf: 1, without: ['b'] });
    expect(await readTask(world.deps, 't')).toMatchObject({ redrives: [], openRound: { round: 3, redriveOf: 1 } });
  });

  test('refuses what cannot be redriven, and says why', async () => {
    const world = await withFailedRound();
    await expect(redrive(world.deps, 't', 7)).rejects.toThrow(NotFoundError);
    await expect(redrive(world.deps, 't', 1, { without: ['x'] })).rejects.toThrow('round 1 has no update "x"');
    await expect(redrive(world.deps, 't', 1, { without: ['a', 'b', 'c'] })).rejects.toThrow(InvalidRequestError);
    world.upload('t', 'd', 'e', 'f');
    await advance(world.deps, 't');
    await expect(redrive(world.deps, 't', 2)).rejects.toThrow(
      'Round 2 is open; it can be redriven when it has failed.',
    );
    world.complete('rel-t-r2-a1');
    await advance(world.deps, 't');
    await expect(redrive(world.deps, 't', 2)).rejects.toThrow(ConflictError);
  });
});
