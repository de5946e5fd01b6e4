import { OUTPUT_PATHS, randomPolicy } from './config.ts';
import { PLACEHOLDER } from './instance.ts';
import type { Observer } from './invariants.ts';
import type { Controller } from './jobs.ts';
import { crash } from './remote.ts';
import type { World } from './world.ts';
import { may } from './world.ts';

/** Somebody changes the values; instances read them when they come to it. */
const changePolicy = (world: World): void => {
  const { prng } = world;
  world.policy = { ...randomPolicy(prng), outputPath: prng.pick(OUTPUT_PATHS) };
  if (may(world, 'release-change') && prng.chance(0.3)) world.release = prng.pick(['rel', 'other']);
  world.log(() => `values: ${JSON.stringify({ ...world.policy, uploads: undefined })} release ${world.release}`);
};

/**
 * Somebody deletes a Job that has not ended. (One that has ended is left to its TTL, which outlives every instance: an
 * instance that read "not created" before and slept would run it again.)
 */
const deleteJob = (world: World, controller: Controller): void => {
  const running = world.cluster
    .jobs()
    .filter(
      ({ metadata, status }) =>
        metadata?.annotations?.[PLACEHOLDER] === undefined && (status?.conditions ?? []).length === 0,
    );
  if (running.length === 0) return;
  controller.remove(world.prng.pick(running), may(world, 'left-pods') && world.prng.chance(0.5));
};

/** Somebody stops the service and moves the state of a task away. */
const moveState = (world: World, observer: Observer): void => {
  const taskId = world.prng.pick(world.config.tasks);
  world.log(() => `the service stops, and the state of ${taskId} is moved away`);
  for (const instance of world.instances) crash(world, instance, 'stopped');
  world.ops = [];
  for (const { name } of world.store.all('state')) {
    if (name.startsWith(`tasks/${taskId}/`)) world.store.delete({ bucket: 'state', name });
  }
  observer.restart(taskId);
  world.truth.restart(taskId);
};

/** One of the things that people do to the system beside using it. */
export const meddle = (world: World, observer: Observer, controller: Controller): void => {
  const { prng } = world;
  if (may(world, 'lost-state') && prng.chance(0.1)) moveState(world, observer);
  const often = world.config.focused ? 1 : 0.3;
  if (may(world, 'policy-change') && prng.chance(often)) changePolicy(world);
  if (may(world, 'delete-job') && prng.chance(often)) deleteJob(world, controller);
  if (may(world, 'missing-secret') && prng.chance(0.2)) world.secretMissing = !world.secretMissing;
};

/** A failed round that somebody may want redriven; sometimes one that cannot be. */
export const roundToRedrive = (world: World, observer: Observer, taskId: string): number => {
  const { rounds, next } = observer.historyOf(taskId).ledger;
  const failed = [...rounds].filter(([, { outcome }]) => outcome === 'failed').map(([round]) => round);
  return failed.length > 0 && world.prng.chance(0.9) ? world.prng.pick(failed) : world.prng.between(1, next);
};
