import { AppError, ConflictError } from '../../../src/errors.ts';
import { advance } from '../../../src/rounds/advance.ts';
import { cancel } from '../../../src/rounds/cancel.ts';
import { redrive } from '../../../src/rounds/redrive.ts';
import { UnreadableStateError } from '../../../src/rounds/state-json.ts';
import { sweep } from '../../../src/rounds/sweep.ts';
import type { RoundsContext } from '../../../src/rounds/task-context.ts';
import { readTask } from '../../../src/rounds/task-status.ts';
import type { Observer } from './invariants.ts';
import { roundToRedrive } from './people.ts';
import { crash } from './remote.ts';
import type { Instance, World } from './world.ts';
import { may, violate } from './world.ts';

/** Runs a call on an instance and logs its result. An error that is not an AppError is a violation. */
const call = (world: World, instance: Instance, label: string, work: () => Promise<unknown>): void => {
  world.log(() => `${instance.name} is called: ${label}`);
  const failed = (error: unknown): void => {
    world.log(() => `${instance.name} answers ${label}: ${String(error).slice(0, 200)}`);
    const isExpected = error instanceof AppError && !(error instanceof UnreadableStateError);
    if (!isExpected) violate(world, `${label} ends in ${error instanceof Error ? error.stack : String(error)}`);
  };
  work().then(
    (answer) => world.log(() => `${instance.name} answers ${label}: ${JSON.stringify(answer)?.slice(0, 400)}`),
    failed,
  );
};

/** What a request works with: the values as the instance has them now, until its end. */
const requestTo = ({ deps }: Instance): RoundsContext => ({ ...deps });

/** An event: acknowledged only by a reconcile that started after its arrival. */
export const deliver = (world: World, instance: Instance, observer: Observer, taskId: string): void => {
  const { manifests } = observer.historyOf(taskId);
  const sealed = manifests.size;
  const came = world.step;
  const controller = new AbortController();
  if (may(world, 'timeout') && world.prng.chance(0.1)) controller.abort();
  const forced = may(world, 'force') && world.prng.chance(0.05);
  call(world, instance, `event of ${taskId}${forced ? ' (forced)' : ''}`, async () => {
    const answer = await advance(requestTo(instance), taskId, { force: forced, signal: controller.signal });
    if ((instance.reconciles.get(taskId) ?? -1) <= came)
      violate(world, `an event of ${taskId} is acknowledged without a reconcile after it`);
    const waits = answer.decision.kind === 'wait' && (answer.accounting?.pending ?? 0) > 0;
    if (forced && waits && manifests.size === sealed)
      violate(world, `a forced start of ${taskId} only waits: ${answer.decision.reason}`);
    return answer;
  });
};

export const tick = (world: World, instance: Instance): void =>
  call(world, instance, 'sweep', () => {
    const controller = new AbortController();
    if (may(world, 'timeout') && world.prng.chance(0.1)) controller.abort();
    const concurrency = world.prng.pick([1, 16]);
    return sweep(requestTo(instance), { signal: controller.signal, concurrency, batchSize: concurrency });
  });

/** Reads the update counts and compares them with the truth during the read. */
export const readCounts = (world: World, instance: Instance, taskId: string): void => {
  const watch = world.truth.watch(taskId);
  call(world, instance, `counts of ${taskId}`, async () => {
    const { accounting } = await readTask(requestTo(instance), taskId).finally(watch.end);
    const { min: before, max: after } = watch;
    const { uploaded, ...parts } = accounting;
    const sum = Object.values(parts).reduce((total, count) => total + count, 0);
    if (sum !== uploaded || Object.values(parts).some((count) => count < 0))
      violate(world, `4: the counts do not add up: ${JSON.stringify(accounting)}`);
    if (uploaded < before || uploaded > after) {
      violate(
        world,
        `4: the counts of ${taskId} say ${uploaded}, the truth went from ${before} to ${after}: ${JSON.stringify(accounting)}`,
      );
    }
    return accounting;
  });
};

/** The same instance, where every write breaks a rule. */
const readOnly = (world: World, { deps }: Instance): Instance['deps'] => {
  const forbidden = (): Promise<never> => {
    violate(world, 'a dry run writes');
    return Promise.reject(new Error('a dry run writes'));
  };
  const { store, cluster, ledgers } = deps;
  return {
    ...deps,
    store: { ...store, write: forbidden },
    cluster: {
      ...cluster,
      createJob: (job, options) => (options?.dryRun === true ? cluster.createJob(job, options) : forbidden()),
      deleteJob: forbidden,
      suspendJob: forbidden,
    },
    ledgers: { ...ledgers, write: forbidden },
  };
};

const dryRun = (world: World, instance: Instance, taskId: string): void =>
  call(world, instance, `dry run of ${taskId}`, () =>
    advance(readOnly(world, instance), taskId, { dryRun: true, force: world.prng.chance(0.2) }),
  );

const redriveSome = (world: World, instance: Instance, observer: Observer, taskId: string): void => {
  const round = roundToRedrive(world, observer, taskId);
  const updates = observer.historyOf(taskId).manifests.get(round)?.updates ?? [];
  const without = updates.length > 0 && world.prng.chance(0.3) ? [world.prng.pick(updates).jobId] : [];
  const isFailed = observer.historyOf(taskId).ledger.rounds.get(round)?.outcome === 'failed';
  call(world, instance, `redrive ${round} of ${taskId} without ${without.join()}`, async () => {
    try {
      return await redrive(requestTo(instance), taskId, round, { without });
    } catch (error) {
      if (isFailed && error instanceof ConflictError)
        violate(world, `a redrive of failed round ${round} is refused: ${error.message}`);
      throw error;
    }
  });
};

const cancelOpen = (world: World, instance: Instance, observer: Observer, taskId: string): void => {
  const round = observer.historyOf(taskId).ledger.open?.round ?? 1;
  call(world, instance, `cancel ${round} of ${taskId}`, () => cancel(requestTo(instance), taskId, round));
};

/** A random call of an instance. */
export const ask = (world: World, instance: Instance, observer: Observer): void => {
  const { prng, config } = world;
  const taskId = prng.pick(config.tasks);
  const often = config.focused ? 4 : 1;
  const wishes: readonly (readonly [number, () => void])[] = [
    [5, () => readCounts(world, instance, taskId)],
    [1, () => dryRun(world, instance, taskId)],
    [1, () => tick(world, instance)],
    [may(world, 'redrive') ? 2 * often : 0, () => redriveSome(world, instance, observer, taskId)],
    [may(world, 'cancel') ? 0.5 * often : 0, () => cancelOpen(world, instance, observer, taskId)],
    [may(world, 'crash') ? 0.1 : 0, () => crash(world, instance, 'scaled down')],
  ];
  let left = prng.next() * wishes.reduce((sum, [weight]) => sum + weight, 0);
  for (const [weight, wish] of wishes) {
    left -= weight;
    if (left < 0) return wish();
  }
};
