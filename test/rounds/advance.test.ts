import { describe, expect, test } from 'vitest';
import { ConflictError, NotFoundError, PreflightError, UpstreamError } from '../../src/errors.ts';
import { advance } from '../../src/rounds/advance.ts';
import { buildAttempt } from '../../src/rounds/attempt-job.ts';
import { UnreadableStateError } from '../../src/rounds/state-json.ts';
import { sweep } from '../../src/rounds/sweep.ts';
import { readTask } from '../../src/rounds/task-status.ts';
import { parseUploadPattern } from '../../src/values/object-pattern.ts';
import type { RoundsWorld } from './rounds-world.ts';
import { createRoundsWorld, NAMESPACE, policyOf, SECRET } from './rounds-world.ts';

const acts = (done: readonly { readonly act: string }[]): readonly string[] => done.map(({ act }) => act);

const withoutSecret = (world: RoundsWorld) =>
  world.instance({
    cluster: { ...world.cluster, secretKeys: () => Promise.reject(new PreflightError('no Secret')) },
  });

describe('a round', () => {
  test('starts at the goal, ends with its output, and is published', async () => {
    const world = createRoundsWorld();
    world.upload('t', 'a', 'b');
    expect(await advance(world.deps, 't')).toMatchObject({
      decision: { kind: 'wait', nextCheckAt: '2026-01-01T13:00:00.000Z' },
      accounting: { uploaded: 2, pending: 2 },
    });
    world.upload('t', 'c');
    const started = await advance(world.deps, 't');
    expect(acts(started.done)).toEqual(['start', 'create-job']);
    expect(started).toMatchObject({ openRound: { round: 1, attempt: 1, updates: 3 }, decision: { kind: 'wait' } });
    expect(started.decision.reason).toBe(
      `Waits for round 1, attempt 1 of 2 (3 updates) to end: Its pod ${world.jobName('rel-t-r1-a1')}-pod is being started.`,
    );
    expect(world.store.peek({ bucket: 'state', name: 'trigger/tasks/t/rounds/000001/checkpoints.txt' })?.text).toBe(
      'gs://uploads/tasksJobs/t/a.zip\ngs://uploads/tasksJobs/t/b.zip\ngs://uploads/tasksJobs/t/c.zip\n',
    );

    world.complete('rel-t-r1-a1');
    expect(acts((await advance(world.deps, 't')).done)).toEqual(['settle', 'publish']);
    expect(world.state('tasks/t/rounds/000001/result.json')).toMatchObject({
      round: 1,
      outcome: 'aggregated',
      updates: 3,
      outputPath: 'gs://out/t/round-1/attempt-1',
    });
    expect(world.state('tasks/t/latest.json')).toMatchObject({ round: 1, outputPath: 'gs://out/t/round-1/attempt-1' });
    expect((await readTask(world.deps, 't')).accounting).toMatchObject({ uploaded: 3, aggregated: 3, pending: 0 });
  });

  test('leaves what is over maxReports for the next, or drops it', async () => {
    const world = createRoundsWorld();
    world.upload('t', 'a', 'b', 'c', 'd', 'e');
    await advance(world.deps, 't');
    expect((await readTask(world.deps, 't')).accounting).toMatchObject({ running: 4, pending: 1, dropped: 0 });

    const dropping = createRoundsWorld({ lateUpdates: 'drop' });
    dropping.upload('t', 'a', 'b', 'c', 'd', 'e');
    await advance(dropping.deps, 't');
    expect((await readTask(dropping.deps, 't')).accounting).toMatchObject({
      uploaded: 5,
      running: 4,
      pending: 0,
      dropped: 1,
    });
    dropping.upload('t', 'f');
    expect((await readTask(dropping.deps, 't')).accounting).toMatchObject({ uploaded: 6, pending: 1, dropped: 1 });
  });

  test('is forced below its minimum, never with nothing', async () => {
    const world = createRoundsWorld();
    expect(await advance(world.deps, 't', { force: true })).toMatchObject({ done: [], decision: { kind: 'wait' } });
    world.upload('t', 'a');
    expect(acts((await advance(world.deps, 't', { force: true })).done)).toEqual(['start', 'create-job']);
    expect(world.state('tasks/t/rounds/000001/manifest.json')).toMatchObject({ forced: true, reason: 'forced' });
  });

  test('an update that comes again after the seal is a duplicate, and is not aggregated again', async () => {
    const world = createRoundsWorld();
    world.upload('t', 'a', 'a', 'b', 'c');
    await advance(world.deps, 't');
    for (const text of ['other', 'again']) world.store.put({ bucket: 'uploads', name: 'tasksJobs/t/a.zip' }, text);
    // Rewritten with equal content: the same update.
    world.upload('t', 'b');
    world.complete('rel-t-r1-a1');
    await advance(world.deps, 't', { force: true });
    expect(world.state('tasks/t/rounds/000002/manifest.json')).toBeUndefined();
    expect((await readTask(world.deps, 't')).accounting).toMatchObject({ uploaded: 4, aggregated: 3, duplicate: 1 });
  });
});

describe('attempts', () => {
  test('a failed one is followed by another after the backoff, in a directory of its own', async () => {
    const world = createRoundsWorld();
    world.upload('t', 'a', 'b', 'c');
    await advance(world.deps, 't');
    world.cluster.failJob(NAMESPACE, world.jobName('rel-t-r1-a1'), { message: 'exit code 1' });
    const failed = await advance(world.deps, 't');
    expect(acts(failed.done)).toEqual(['retry']);
    expect(failed.decision).toMatchObject({ kind: 'wait', nextCheckAt: '2026-01-01T12:00:30.000Z' });
    world.pass(30_000);
    expect(acts((await advance(world.deps, 't')).done)).toEqual(['create-job']);
    world.complete('rel-t-r1-a2');
    await advance(world.deps, 't');
    expect(world.state('tasks/t/rounds/000001/result.json')).toMatchObject({
      outcome: 'aggregated',
      attempts: 2,
      outputPath: 'gs://out/t/round-1/attempt-2',
      failures: [{ attempt: 1, code: 'BackoffLimitExceeded', reason: expect.stringContaining('exit code 1') }],
    });
  });

  test('with the last one the round fails: its updates are accounted for and do not come back', async () => {
    const world = createRoundsWorld({ maxAttempts: 1 });
    world.upload('t', 'a', 'b', 'c');
    await advance(world.deps, 't');
    world.cluster.completeJob(NAMESPACE, world.jobName('rel-t-r1-a1'));
    const failed = await advance(world.deps, 't');
    expect(failed.done[0]?.reason).toBe(
      'Round 1, attempt 1 of 1 (3 updates) failed: its Job is complete, and there is no object under gs://out/t/round-1/attempt-1/; the round counts as failed and can be redriven.',
    );
    expect(world.lines.at(-1)).toMatchObject({ severity: 'ERROR' });
    expect((await readTask(world.deps, 't')).accounting).toMatchObject({ uploaded: 3, failed: 3, pending: 0 });
    expect(world.state('tasks/t/latest.json')).toBeUndefined();
  });

  test('a deleted Job leaves a suspended one of its name, and the next waits for its pod', async () => {
    const world = createRoundsWorld({ retryBackoffSec: 0 });
    world.upload('t', 'a', 'b', 'c');
    await advance(world.deps, 't');
    const job = world.jobName('rel-t-r1-a1');
    world.cluster.runPods(NAMESPACE, job);
    world.cluster.removeJob(NAMESPACE, job, { keepPods: true });
    const waiting = await advance(world.deps, 't');
    expect(acts(waiting.done)).toEqual(['create-placeholder', 'retry']);
    expect(waiting.decision.reason).toContain(`Waits for pod ${job}-pod of an earlier Job`);
    expect(await world.cluster.getJob(NAMESPACE, world.jobName('rel-t-r1-a1'))).toMatchObject({
      spec: { suspend: true },
    });
    world.cluster.removePod(NAMESPACE, `${job}-pod`);
    expect(acts((await advance(world.deps, 't')).done)).toEqual(['create-job']);
  });

  test('a half-written output of a Job that vanished is not taken for a result', async () => {
    const world = createRoundsWorld({ maxAttempts: 1 });
    world.upload('t', 'a', 'b', 'c');
    await advance(world.deps, 't');
    world.store.put({ bucket: 'out', name: 't/round-1/attempt-1/checkpoint.index' }, 'half');
    world.cluster.removeJob(NAMESPACE, world.jobName('rel-t-r1-a1'));
    expect(acts((await advance(world.deps, 't')).done)).toEqual(['create-placeholder', 'fail', 'publish']);
  });

  test('a Job that a paused instance created again after its deletion is suspended, and its output does not count', async () => {
    const world = createRoundsWorld({ maxAttempts: 2, retryBackoffSec: 0 });
    world.upload('t', 'a', 'b', 'c');
    await advance(world.deps, 't');
    const { metadata: { uid: _, ...metadata } = {}, ...job } =
      (await world.cluster.getJob(NAMESPACE, world.jobName('rel-t-r1-a1'))) ?? {};
    world.cluster.removeJob(NAMESPACE, world.jobName('rel-t-r1-a1'));
    await world.cluster.createJob({ ...job, metadata });
    expect(acts((await advance(world.deps, 't')).done)).toEqual(['suspend-job', 'retry', 'create-job']);
    expect(await world.cluster.getJob(NAMESPACE, world.jobName('rel-t-r1-a1'))).toMatchObject({
      spec: { suspend: true },
    });

    const second = world.jobName('rel-t-r1-a2');
    world.cluster.removeJob(NAMESPACE, second);
    await world.cluster.createJob({ ...job, metadata: { ...metadata, name: second } });
    world.store.put({ bucket: 'out', name: 't/round-1/attempt-2/checkpoint.index' }, 'half');
    world.cluster.completeJob(NAMESPACE, world.jobName('rel-t-r1-a2'));
    expect(acts((await advance(world.deps, 't')).done)).toEqual(['fail', 'publish']);
  });

  test('a Job whose pod the namespace refuses says so, from its events', async () => {
    const world = createRoundsWorld();
    world.upload('t', 'a', 'b', 'c');
    await advance(world.deps, 't');
    const name = world.jobName('rel-t-r1-a1');
    world.cluster.removePod(NAMESPACE, `${name}-pod`);
    const message = `pods "${name}-x" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true`;
    const { uid = '' } = (await world.cluster.getJob(NAMESPACE, name))?.metadata ?? {};
    world.cluster.addEvent({
      metadata: { namespace: NAMESPACE },
      involvedObject: { kind: 'Job', namespace: NAMESPACE, name, uid },
      reason: 'FailedCreate',
      message,
    });
    expect((await advance(world.deps, 't')).decision.reason).toContain('enforces the Pod Security level "restricted"');
  });

  test('a foreign Job with that name stops the round, and the error says what to do', async () => {
    const world = createRoundsWorld();
    world.cluster.removeSecret(NAMESPACE, SECRET);
    const outputPaths = ['gs://x/z'];
    world.upload('t', 'a', 'b', 'c');
    await expect(advance(world.deps, 't')).rejects.toThrow(PreflightError);
    const name = (await readTask(world.deps, 't')).openRound?.job.name ?? '';
    const foreign = buildAttempt(world.deps, 't', { round: 1, attempt: 1, outputPaths });
    Object.assign(foreign.metadata ?? {}, { name });
    await world.cluster.createJob(foreign);
    for (const { metadata } of world.cluster.pods()) world.cluster.removePod(NAMESPACE, metadata?.name ?? '');
    world.cluster.setSecret(NAMESPACE, SECRET, ['sacred.json']);
    await expect(advance(world.deps, 't')).rejects.toThrow(ConflictError);
    await expect(advance(world.deps, 't')).rejects.toThrow(
      'Delete that Job, or give this service another release name',
    );
    const status = await readTask(world.deps, 't');
    expect(status).toMatchObject({ openRound: { state: 'unknown' }, accounting: { running: 3 } });
    world.cluster.removeJob(NAMESPACE, world.jobName('rel-t-r1-a1'));
    expect(acts((await advance(world.deps, 't')).done)).toEqual(['create-job']);
  });

  test('the path is that of the seal, whatever the values say later', async () => {
    const world = createRoundsWorld();
    world.upload('t', 'a', 'b', 'c');
    await advance(world.deps, 't');
    world.setPolicies(policyOf({ outputPath: 'gs://elsewhere/{taskId}/{round}/{attempt}', maxAttempts: 1 }));
    world.complete('rel-t-r1-a1');
    expect(acts((await advance(world.deps, 't')).done)).toEqual(['settle', 'publish']);
  });

  test('a missing Secret is reported and costs no attempt; the round continues when it exists', async () => {
    const world = createRoundsWorld();
    let missing = true;
    const deps = world.instance({
      cluster: {
        ...world.cluster,
        secretKeys: async () => {
          if (missing) throw new PreflightError('Secret "gcs" is missing.');
          return ['sacred.json'];
        },
      },
    });
    world.upload('t', 'a', 'b', 'c');
    await expect(advance(deps, 't')).rejects.toThrow(PreflightError);
    expect((await readTask(deps, 't')).decision.reason).toContain('It is blocked: Secret "gcs" is missing.');
    const over = new UpstreamError('exceeded quota: count/jobs.batch');
    const refusing = world.instance({
      cluster: { ...world.cluster, createJob: () => Promise.reject(over) },
    });
    expect((await readTask(refusing, 't')).decision.reason).toContain('It is blocked: exceeded quota');
    expect((await readTask(deps, 't')).openRound).toMatchObject({ attempt: 1, state: 'claimed' });
    missing = false;
    expect(acts((await advance(deps, 't')).done)).toEqual(['create-job']);
  });
});

describe('several instances', () => {
  test('fifty at once start one round', async () => {
    const world = createRoundsWorld();
    world.upload('t', 'a', 'b', 'c');
    await Promise.all(
      Array.from({ length: 50 }, () => advance(world.instance(), 't').catch((error: unknown) => error)),
    );
    expect(world.cluster.jobs()).toHaveLength(1);
    expect((await readTask(world.deps, 't')).accounting).toMatchObject({ uploaded: 3, running: 3 });
  });

  test('a seal whose ledger write was lost is adopted: its set is what the manifest says', async () => {
    const world = createRoundsWorld();
    world.upload('t', 'a', 'b', 'c');
    const dying = world.instance({
      ledgers: { ...world.deps.ledgers, write: () => Promise.reject(new Error('killed')) },
    });
    await expect(advance(dying, 't')).rejects.toThrow('killed');
    world.upload('t', 'd');
    expect((await readTask(world.deps, 't')).accounting).toMatchObject({ uploaded: 4, running: 3, pending: 1 });
    expect(acts((await advance(world.instance(), 't')).done)).toEqual(['adopt', 'create-job']);
    expect((await readTask(world.deps, 't')).accounting).toMatchObject({ uploaded: 4, running: 3, pending: 1 });
  });
});

describe('a dry run', () => {
  test('says the next step and why, and writes nothing', async () => {
    const world = createRoundsWorld();
    world.upload('t', 'a', 'b', 'c');
    const before = world.store.all().length;
    expect(await advance(world.deps, 't', { dryRun: true })).toMatchObject({
      dryRun: true,
      done: [],
      decision: { kind: 'start', reason: 'Round 1 starts: 3 updates are pending: the report goal of 3 is reached.' },
    });
    expect(world.store.all()).toHaveLength(before);
  });

  test('says what a step would be refused for', async () => {
    const world = createRoundsWorld();
    world.upload('t', 'a', 'b', 'c');
    await advance(withoutSecret(world), 't').catch(() => undefined);
    const deps = withoutSecret(world);
    expect((await advance(deps, 't', { dryRun: true })).decision.reason).toContain('It is blocked: no Secret');
  });
});

describe('state that cannot be acted on', () => {
  const begun = async () => {
    const world = createRoundsWorld();
    world.upload('t', 'a', 'b', 'c');
    await advance(world.deps, 't');
    return world;
  };

  test('a corrupt ledger stops its task, and says what to do', async () => {
    const world = await begun();
    world.store.put({ bucket: 'state', name: 'trigger/tasks/t/ledger.json' }, '{');
    await expect(advance(world.instance(), 't')).rejects.toThrow(UnreadableStateError);
    await expect(advance(world.instance(), 't')).rejects.toThrow('Restore an earlier generation');
  });

  test('a lost ledger does not run finished rounds again', async () => {
    const world = await begun();
    world.complete('rel-t-r1-a1');
    await advance(world.deps, 't');
    world.store.delete({ bucket: 'state', name: 'trigger/tasks/t/ledger.json' });
    await expect(advance(world.instance(), 't')).rejects.toThrow("the task's ledger.json is missing");
    expect(world.cluster.jobs()).toHaveLength(1);
  });

  test.each(['running', 'complete'])(
    'after the state was moved away, a %s Job of the earlier round 1 is not taken for the new one',
    async (state) => {
      const world = await begun();
      const earlier = world.jobName('rel-t-r1-a1');
      if (state === 'complete') world.complete('rel-t-r1-a1');
      for (const { name } of world.store.all('state')) world.store.delete({ bucket: 'state', name });
      world.upload('t', 'd', 'e', 'f', 'g');
      const restarted = world.instance();
      const { done, decision } = await advance(restarted, 't');
      expect((await readTask(restarted, 't')).accounting).toMatchObject({ aggregated: 0, running: 4 });
      const waits = 'of this task, which is not of this round, to end or be deleted';
      expect(acts(done)).toEqual(
        state === 'complete' ? ['start', 'create-placeholder', 'note-job', 'retry'] : ['start'],
      );
      expect(decision.reason.includes(waits)).toBe(state === 'running');
      if (state === 'running') world.cluster.removeJob(NAMESPACE, earlier);
      else world.pass(60_000);
      expect(acts((await advance(restarted, 't')).done)).toEqual(['create-job']);
    },
  );

  test('a changed upload pattern is refused for a task that has a ledger', async () => {
    const world = await begun();
    world.setPolicies(policyOf({ uploads: parseUploadPattern('gs://uploads/new/{taskId}/{jobId}.zip') }));
    await expect(advance(world.deps, 't')).rejects.toThrow('Restore it; or use new taskIds');
  });

  test('with two patterns, tasks of the same folder name are separate tasks, by the prefix of their ids', async () => {
    const world = createRoundsWorld();
    const ios = { uploads: parseUploadPattern('gs://uploads/ios/{taskId}/{jobId}.zip'), taskIdPrefix: 'ios-' };
    world.setPolicies(policyOf(), policyOf(ios));
    world.store.put({ bucket: 'uploads', name: 'ios/t/a.zip' }, 'zip');
    world.upload('t', 'a', 'b', 'c');
    world.upload('ios-x', 'lost');
    await sweep(world.deps);
    expect(await readTask(world.deps, 't')).toMatchObject({ accounting: { running: 3 } });
    expect(await readTask(world.deps, 'ios-t')).toMatchObject({ accounting: { pending: 1, uploaded: 1 } });
    // The folder of the other pattern is not listed under a task that is not its own.
    await expect(readTask(world.deps, 'ios-x')).rejects.toThrow(NotFoundError);
  });

  test.each(['..', 'a/b', '', 'x'.repeat(600), 'a\u0000b'])('the taskId %j is refused', async (taskId) => {
    await expect(advance(createRoundsWorld().deps, taskId)).rejects.toThrow('taskId: ');
  });
});

describe('cost', () => {
  test('an event while a round runs reads the ledger, unchanged, and lists nothing', async () => {
    const world = createRoundsWorld();
    world.upload('t', 'a', 'b', 'c');
    const calls: string[] = [];
    const deps = world.instance({
      store: {
        ...world.store,
        read: async (uri, options) => {
          const found = await world.store.read(uri, options);
          calls.push(`read ${uri.name.split('/').at(-1)} ${found === 'unchanged' ? 'unchanged' : ''}`.trim());
          return found;
        },
        list: (options) => {
          calls.push(`list ${options.bucket}`);
          return world.store.list(options);
        },
      },
    });
    await advance(deps, 't');
    calls.length = 0;
    await advance(deps, 't');
    expect(calls).toEqual(['read ledger.json unchanged']);
  });
});
