import { BatchV1Api, CoreV1Api, createConfiguration, ServerConfiguration } from '@kubernetes/client-node';
import { createCaller } from './call.ts';
import { createConnection, PLACEHOLDER_SERVER } from './connection.ts';
import type { ClusterAccess } from './gke.ts';
import { createJobs } from './jobs.ts';
import { createPods } from './pods.ts';
import { createObjects } from './objects.ts';
import type { ReleaseCluster } from './release-port.ts';
import { createServiceProxy } from './service-proxy.ts';
import { createSecrets } from './secrets.ts';

export interface ClusterOptions {
  /** Of one call, with its retries. Default 10 s. */
  readonly deadlineMs?: number;
  /** Requests for one idempotent call, at most. Default 4. */
  readonly maxAttempts?: number;
}

/** The cluster behind `access`. Connects to nothing until called; its methods throw AppError only. */
export function createCluster(access: ClusterAccess, options: ClusterOptions = {}): ReleaseCluster {
  const { deadlineMs = 10_000, maxAttempts = 4 } = options;
  const call = createCaller({ send: createConnection(access), where: access.describe(), deadlineMs, maxAttempts });
  const configuration = lazy(() =>
    createConfiguration({ baseServer: new ServerConfiguration(PLACEHOLDER_SERVER, {}) }),
  );
  const batch = lazy(() => new BatchV1Api(configuration()));
  const core = lazy(() => new CoreV1Api(configuration()));
  return {
    ...createJobs(batch, call),
    ...createPods(core, call),
    ...createSecrets(core, call),
    ...createObjects(call),
    ...createServiceProxy(call),
  };
}

function lazy<T>(create: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= create());
}
