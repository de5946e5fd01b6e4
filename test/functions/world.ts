import { setTimeout } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { createWaits } from '../../src/functions/wait.ts';
import type { AggregateDeps } from '../../src/functions/aggregate.ts';
import { createAggregate } from '../../src/functions/aggregate.ts';
import { serveFunction } from '../helpers/serve-function.ts';
import { createLog } from '../../src/log.ts';
import { parseValues } from '../../src/values/parse-values.ts';
import type { LaunchWorld, WorldOptions } from '../helpers/launch-world.ts';
import { createLaunchWorld } from '../helpers/launch-world.ts';
import { createRoundsDeps } from '../helpers/rounds-deps.ts';

export interface AggregateWorld extends LaunchWorld {
  readonly url: string;
  readonly port: number;
  /** Log lines so far, parsed. */
  readonly lines: readonly Record<string, unknown>[];
}

/** `aggregate` on the real functions-framework, over a bucket and a cluster in memory. */
export const startAggregate = async (
  over: Partial<AggregateDeps> = {},
  options: WorldOptions = {},
): Promise<AggregateWorld> => {
  const world = createLaunchWorld(options);
  const lines: Record<string, unknown>[] = [];
  const log = createLog((line) => void lines.push(JSON.parse(line)));
  const defaults = { namespace: 'models', releaseName: 'flea-aggregator' };
  const configuredValues = over.configuredValues ?? (async () => ({}));
  const deps: AggregateDeps = {
    ...world.deps,
    log,
    configuredValues,
    defaults,
    rounds: createRoundsDeps(world.deps, log, defaults),
    values: async (signal) => parseValues(await configuredValues(signal)),
    requestTimeoutMs: 20_000,
    powers: { callerFields: [], repositoryUrls: [], serviceAccounts: [] },
    schedulerServiceAccount: 'scheduler@p.iam.gserviceaccount.com',
    waits: createWaits({ now: () => performance.now(), pause: (ms) => setTimeout(ms) }),
    ...over,
  };
  const served = await serveFunction(createAggregate(deps), { log: deps.log, projectId: 'p' });
  onTestFinished(() => served.close());
  return { ...world, url: served.url, port: served.port, lines };
};
