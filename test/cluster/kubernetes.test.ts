import type { CoreV1Event } from '@kubernetes/client-node';
import type { ClusterAccess } from '../../src/cluster/connection.ts';
import { startKubernetes } from '../../infra/local/kubernetes/server.ts';
import { createApiWorld } from '../contracts/api-world.ts';
import { clusterContract } from '../contracts/cluster.ts';
import { createRawApi } from '../contracts/raw-api.ts';
import { createMemoryCluster } from '../helpers/memory-cluster.ts';
import { describeReal } from '../real/describe-real.ts';

const NAMESPACE = 'contract';

/** Plain http, as a kubeconfig of the embedded API has it. */
const createLocalAccess = (server: string): ClusterAccess => ({
  endpoint: async () => ({ server }),
  token: async () => undefined,
  describe: () => 'the embedded API',
  invalidate: () => undefined,
});

clusterContract('a cluster in memory', async () => {
  const cluster = createMemoryCluster({ now: () => new Date('2026-01-01T00:00:00Z') });
  return {
    cluster,
    namespace: NAMESPACE,
    isApi: false,
    hasLogs: true,
    putSecret: async (name, data) => cluster.setSecret(NAMESPACE, name, Object.keys(data)),
    putEvent: async ({ name, lastTimestamp, ...event }) => {
      const full: CoreV1Event = {
        ...event,
        metadata: { namespace: NAMESPACE, name },
        lastTimestamp: new Date(lastTimestamp),
      };
      cluster.addEvent(full);
    },
    putLog: async (pod, container, text) => cluster.setLog(NAMESPACE, pod, container, text.trimEnd()),
    close: async () => undefined,
  };
});

clusterContract('the embedded API', async () => {
  const server = await startKubernetes();
  const access = createLocalAccess(server.url);
  const api = await createRawApi(access);
  await api.send('POST', '/api/v1/namespaces', { metadata: { name: NAMESPACE } });
  await api.close();
  const world = await createApiWorld(access, NAMESPACE);
  const close = async (): Promise<void> => {
    await world.close();
    await server.close();
  };
  return { ...world, close };
});

describeReal('a real API server', (real) => {
  clusterContract('through the adapter', () => createApiWorld(real().access, real().namespace, !real().isOwn));
});
