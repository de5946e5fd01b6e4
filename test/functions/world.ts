import type { AddressInfo } from 'node:net';
import { http } from '@google-cloud/functions-framework';
import { getTestServer } from '@google-cloud/functions-framework/testing';
import { onTestFinished } from 'vitest';
import type { AggregateDeps } from '../../src/functions/aggregate-deps.ts';
import { createAggregate } from '../../src/functions/aggregate.ts';
import { keepBodiesRaw } from '../../src/functions/raw-request.ts';
import { createLog } from '../../src/log.ts';
import { parseValues } from '../../src/values/parse-values.ts';
import type { LaunchWorld, WorldOptions } from '../helpers/launch-world.ts';
import { createLaunchWorld } from '../helpers/launch-world.ts';
import { createRoundsDeps } from '../helpers/rounds-deps.ts';

export interface AggregateWorld extends LaunchWorld {
  readonly url: string;
  /** Log lines so far, parsed. */
  readonly lines: readonly Record<string, unknown>[];
}

let count = 0;

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
    schedulerServiceAccount: 'scheduler@p.iam.gserviceaccount.com',
    ...over,
  };
  keepBodiesRaw();
  const name = `aggregate-${(count += 1)}`;
  http(name, createAggregate(deps));
  const server = getTestServer(name);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address() as AddressInfo;
  return { ...world, url: `http://127.0.0.1:${address.port}`, lines };
};
