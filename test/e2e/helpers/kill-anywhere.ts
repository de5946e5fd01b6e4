import type { Prng } from '../../rounds/simulation/prng.ts';
import type { Decide, Fate } from './proxy.ts';
import type { FunctionName, World } from './world.ts';

/**
 * Kills a function with SIGKILL at a moment that `chance` chooses: at one of the next requests to bucket or API server,
 * before it is carried out or after. Resolves once the function answers again.
 */
export const killAnywhere = async (world: World, name: FunctionName, chance: Prng): Promise<void> => {
  const reached = Promise.withResolvers<void>();
  const killed = Promise.withResolvers<void>();
  const when = chance.pick(['before', 'after']);
  let left = chance.between(1, 25);
  const decide: Decide = async (): Promise<Fate> => {
    left -= 1;
    if (left !== 0) return 'pass';
    if (when === 'after') {
      return {
        afterwards: () => {
          reached.resolve();
          return killed.promise;
        },
      };
    }
    reached.resolve();
    await killed.promise;
    return 'refuse';
  };
  for (const proxy of Object.values(world.proxies)) proxy.decide(decide);
  await reached.promise;
  await world.functions[name].kill();
  killed.resolve();
  for (const proxy of Object.values(world.proxies)) proxy.decide();
  await world.functions[name].start();
};
