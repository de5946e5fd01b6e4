import type { CoreV1Event } from '@kubernetes/client-node';
import { createApiWorld } from '../contracts/api-world.ts';
import { clusterContract } from '../contracts/cluster.ts';
import { createMemoryCluster } from '../helpers/memory-cluster.ts';
import { describeReal } from '../real/describe-real.ts';

const NAMESPACE = 'contract';

clusterContract('a cluster in memory', async () => {
  const cluster = createMemoryCluster({ now: () => new Date('2026-01-01T00:00:00Z') });
  return {
    cluster,
    namespace: NAMESPACE,
    isApi: false,
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

describeReal('a real API server', (real) => {
  clusterContract('through the adapter', () => createApiWorld(real().access, real().namespace));
});
