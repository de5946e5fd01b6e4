import { setTimeout } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { createWaits } from '../../src/functions/wait.ts';
import type { ReleaseCluster } from '../../src/cluster/release-port.ts';
import { createDeploy } from '../../src/functions/deploy.ts';
import type { DeployDeps } from '../../src/functions/deploy.ts';
import { serveFunction } from '../helpers/serve-function.ts';
import { createLog } from '../../src/log.ts';
import type { MemoryWorld } from '../release/world.ts';
import { createDeps, createMemoryWorld } from '../release/world.ts';

export interface DeployWorld extends MemoryWorld {
  readonly url: string;
  readonly port: number;
  /** Log lines so far, parsed. */
  readonly lines: readonly Record<string, unknown>[];
  /** Lets the time until the next heartbeat of every open stream pass. */
  beat(): void;
}

/** `deploy` on the real functions-framework, over a cluster in memory whose pods fare as their image's tag says. */
export const startDeploy = async (
  over: Partial<DeployDeps> = {},
  change: (cluster: ReleaseCluster) => ReleaseCluster = (cluster) => cluster,
): Promise<DeployWorld> => {
  const world = createMemoryWorld();
  const lines: Record<string, unknown>[] = [];
  const beats = new Set<() => void>();
  const deps: DeployDeps = {
    release: createDeps(world, change(world.cluster)),
    log: createLog((line) => void lines.push(JSON.parse(line))),
    defaultNamespace: world.namespace,
    requestTimeoutMs: 3_540_000,
    waits: createWaits({ now: () => performance.now(), pause: (ms) => setTimeout(ms) }),
    every: (_ms, beat) => {
      beats.add(beat);
      return () => void beats.delete(beat);
    },
    ...over,
  };
  const served = await serveFunction(createDeploy(deps), { log: deps.log, projectId: 'p' });
  onTestFinished(() => served.close());
  const beat = (): void => beats.forEach((call) => call());
  return { ...world, url: served.url, port: served.port, lines, beat };
};
