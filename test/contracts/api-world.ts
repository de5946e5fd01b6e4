import { randomBytes } from 'node:crypto';
import type { ClusterAccess } from '../../src/cluster/connection.ts';
import { createCluster } from '../../src/cluster/kubernetes.ts';
import type { ClusterWorld } from './cluster.ts';
import { startLogKubelet } from './log-kubelet.ts';
import { createRawApi } from './raw-api.ts';

const buildPod = (namespace: string, name: string, node: string) => ({
  metadata: { namespace, name },
  spec: { nodeName: node, restartPolicy: 'Never', containers: [{ name: 'main', image: 'example.com/none:1' }] },
});

/**
 * The contract's world for the adapter over a Kubernetes API; `namespace` exists. `hasLogs` registers a Node, which a
 * cluster in use must not get.
 */
export const createApiWorld = async (
  access: ClusterAccess,
  namespace: string,
  hasLogs = true,
): Promise<ClusterWorld> => {
  const api = await createRawApi(access);
  const kubelet = hasLogs ? await startLogKubelet(api, `contract-${randomBytes(4).toString('hex')}`) : undefined;
  const core = `/api/v1/namespaces/${namespace}`;
  return {
    cluster: createCluster(access),
    namespace,
    isApi: true,
    hasLogs,
    putSecret: async (name, data) => {
      await api.send('POST', `${core}/secrets`, { metadata: { namespace, name }, stringData: data });
    },
    putEvent: async (event) => {
      await api.send('POST', `${core}/events`, { ...event, metadata: { namespace, name: event.name } });
    },
    putLog: async (pod, container, text, previous) => {
      if (kubelet === undefined) throw new Error('This world has no logs.');
      const { status } = await api.send('GET', `${core}/pods/${pod}`);
      if (status === 404) await api.send('POST', `${core}/pods`, buildPod(namespace, pod, kubelet.node));
      kubelet.setLog(namespace, pod, container, text, previous);
    },
    close: async () => {
      await kubelet?.close();
      await api.close();
    },
  };
};
