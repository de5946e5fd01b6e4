import type { CoreV1Api } from '@kubernetes/client-node';
import { createConfiguration } from '@kubernetes/client-node/dist/gen/configuration.js';
import { ServerConfiguration } from '@kubernetes/client-node/dist/gen/servers.js';
import { ObjectBatchV1Api, ObjectCoreV1Api } from '@kubernetes/client-node/dist/gen/types/ObjectParamAPI.js';
import { type Caller, createCaller } from './call.ts';
import { type ClusterAccess, createConnection, PLACEHOLDER_SERVER } from './connection.ts';
import { createJobs } from './jobs.ts';
import { createObjects } from './objects.ts';
import { createPods } from './pods.ts';
import type { Secrets } from './port.ts';
import type { ReleaseCluster } from './release-port.ts';
import { createServiceProxy } from './service-proxy.ts';

export interface ClusterOptions {
  /** For one call, retries included. Default 10 s. */
  readonly deadlineMs?: number;
  /** Maximum number of requests for one idempotent call. Default 4. */
  readonly maxRequests?: number;
}

/** The cluster behind `access`. Does not connect until it is used; its methods throw AppError only. */
export function createCluster(access: ClusterAccess, options: ClusterOptions = {}): ReleaseCluster {
  const { deadlineMs = 10_000, maxRequests = 4 } = options;
  const call = createCaller({ send: createConnection(access), where: access.describe(), deadlineMs, maxRequests });
  const configuration = lazy(() =>
    createConfiguration({ baseServer: new ServerConfiguration(PLACEHOLDER_SERVER, {}) }),
  );
  const batch = lazy(() => new ObjectBatchV1Api(configuration()));
  const core = lazy(() => new ObjectCoreV1Api(configuration()));
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

/** Only the names of a Secret's keys leave this function. */
function createSecrets(core: () => CoreV1Api, call: Caller): Secrets {
  return {
    secretKeys: async (namespace, name, options) =>
      call({
        verb: 'get',
        resource: 'secrets',
        apiGroup: '',
        namespace,
        name,
        isSecret: true,
        options,
        isIdempotent: true,
        send: async (sendOptions) => {
          const secret = await core().readNamespacedSecret({ namespace, name }, sendOptions);
          return Object.keys(secret.data ?? {});
        },
        outcome: ({ status }) => (status === 404 ? null : undefined),
      }),
  };
}
