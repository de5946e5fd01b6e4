import { DeadlineError, UnavailableError } from '../../../src/errors.ts';
import { LIFE_MS } from './config.ts';
import type { Instance, World } from './world.ts';
import { may } from './world.ts';

export type Verb = 'read' | 'write' | 'create';

type Fate = 'done' | 'crash-before' | 'crash-after' | 'not-done' | 'done-unheard' | 'done-later' | 'echo';

const rollFate = (world: World, verb: Verb): Fate => {
  const { prng, config } = world;
  if (!prng.chance(config.faultRate)) return 'done';
  const fates: Fate[] = [];
  if (may(world, 'crash')) fates.push('crash-before', 'crash-after');
  if (may(world, 'timeout'))
    fates.push('not-done', ...(verb === 'read' ? [] : (['done-unheard', 'done-later'] as const)));
  // The adapter sends writes again after an ambiguous failure, creates of Jobs it does not.
  if (may(world, 'echo') && verb === 'write') fates.push('echo', 'echo');
  return fates.length === 0 ? 'done' : prng.pick(fates);
};

/** The instance is gone: nothing it has sent and that was not carried out will be, and it hears no answer. */
export const crash = (world: World, instance: Instance, why: string): void => {
  if (!instance.alive) return;
  world.log(() => `${instance.name} dies (${why})`);
  instance.alive = false;
  world.ops = world.ops.filter((op) => op.instance !== instance);
};

const sleepMs = (world: World, verb: Verb): number => {
  const often = verb === 'create' ? 0.5 : 0.1;
  if (!may(world, 'sleep') || !world.prng.chance(world.config.focused ? often : 0.03)) return 0;
  return world.prng.int(world.prng.chance(0.5) ? LIFE_MS : 60_000);
};

/**
 * One remote operation: carried out at a step of its own, as its fate will have it. `execute` takes effect at once when
 * it is called. The promise of a dead instance never settles.
 */
export const remote = <T>(
  world: World,
  instance: Instance,
  verb: Verb,
  label: string,
  execute: () => Promise<T>,
): Promise<T> => {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const later = (): void => {
    const run = (): void => void execute().catch(() => undefined);
    world.ops.push({ instance: null, label: `(late) ${label}`, sinceMs: world.nowMs, wakeMs: world.nowMs, run });
  };
  const run = (): void => {
    const fate = rollFate(world, verb);
    if (fate !== 'done') world.log(() => `  fate: ${fate}`);
    switch (fate) {
      case 'done':
        execute().then(resolve, reject);
        return;
      case 'echo':
        void execute().then(() => execute().then(resolve, reject), reject);
        return;
      case 'crash-before':
        return crash(world, instance, `before ${label}`);
      case 'crash-after':
        execute().catch(() => undefined);
        return crash(world, instance, `after ${label}`);
      case 'not-done':
        return reject(new UnavailableError(`${label}: 503`));
      case 'done-unheard':
        execute().catch(() => undefined);
        return reject(new DeadlineError(`${label}: no answer in time`));
      case 'done-later':
        later();
        return reject(new DeadlineError(`${label}: no answer in time`));
    }
  };
  if (instance.alive) {
    world.ops.push({ instance, label, sinceMs: world.nowMs, wakeMs: world.nowMs + sleepMs(world, verb), run });
  }
  return promise;
};
