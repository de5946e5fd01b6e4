import type { AddressInfo } from 'node:net';
import { http } from '@google-cloud/functions-framework';
import { getTestServer } from '@google-cloud/functions-framework/testing';
import { onTestFinished } from 'vitest';
import { createDeploy } from '../../src/functions/deploy.ts';
import type { DeployDeps } from '../../src/functions/deploy.ts';
import { keepBodiesRaw } from '../../src/functions/raw-request.ts';
import { createLog } from '../../src/log.ts';
import type { MemoryWorld } from '../release/world.ts';
import { createDeps, createMemoryWorld } from '../release/world.ts';

export interface DeployWorld extends MemoryWorld {
  readonly url: string;
  /** Log lines so far, parsed. */
  readonly lines: readonly Record<string, unknown>[];
}

let count = 0;

/** `deploy` on the real functions-framework, over a cluster in memory whose pods fare as their image's tag says. */
export const startDeploy = async (over: Partial<DeployDeps> = {}): Promise<DeployWorld> => {
  const world = createMemoryWorld();
  const lines: Record<string, unknown>[] = [];
  const deps: DeployDeps = {
    release: createDeps(world),
    log: createLog((line) => void lines.push(JSON.parse(line))),
    defaultNamespace: world.namespace,
    requestTimeoutMs: 3_540_000,
    ...over,
  };
  keepBodiesRaw();
  const name = `deploy-${(count += 1)}`;
  http(name, createDeploy(deps));
  const server = getTestServer(name);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address() as AddressInfo;
  return { ...world, url: `http://127.0.0.1:${address.port}`, lines };
};
