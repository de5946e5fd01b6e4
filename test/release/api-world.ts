import { randomBytes } from 'node:crypto';
import type { V1Pod } from '@kubernetes/client-node';
import type { ClusterAccess } from '../../src/cluster/connection.ts';
import { createCluster } from '../../src/cluster/kubernetes.ts';
import type { KubeObject, ReleaseCluster } from '../../src/cluster/release-port.ts';
import type { RawApi } from '../contracts/raw-api.ts';
import { createRawApi } from '../contracts/raw-api.ts';
import { createMemoryStore } from '../helpers/memory-store.ts';
import { CRASH_LOG, fateOf, statusOf } from './pod-fates.ts';
import { putList } from './world.ts';
import type { ReleaseWorld } from './world.ts';

const POLL_MS = 40;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** The items of a list that the API server answered. */
export const itemsOf = (json: unknown): KubeObject[] => {
  const items: unknown = typeof json === 'object' && json !== null && 'items' in json ? json.items : [];
  return Array.isArray(items) ? items : [];
};

const isMissingStatus = ({ status }: V1Pod): boolean =>
  (status?.containerStatuses ?? []).length === 0 &&
  status?.conditions?.some(({ reason }) => reason === 'Unschedulable') !== true;

const drivePod = async (api: RawApi, path: string, node: string, pod: V1Pod, index: number): Promise<void> => {
  const name = pod.metadata?.name ?? '';
  if (pod.metadata?.deletionTimestamp !== undefined) {
    await api.send('DELETE', `${path}/${name}`, { gracePeriodSeconds: 0 });
    return;
  }
  const { name: container = '', image = '' } = pod.spec?.containers[0] ?? {};
  const fate = fateOf(image);
  if (fate !== 'unschedulable' && pod.spec?.nodeName === undefined) {
    const target = { apiVersion: 'v1', kind: 'Node', name: node };
    await api.send('POST', `${path}/${name}/binding`, { metadata: { name }, target });
  }
  if (isMissingStatus(pod))
    await api.send('PATCH', `${path}/${name}/status`, {
      status: statusOf(fate, container, image, `10.1.0.${(index % 250) + 1}`),
    });
};

/** Who looks after the pods of a world. */
export interface Pods {
  /** What of the cluster is not the API server's own. */
  readonly cluster: Partial<ReleaseCluster>;
  stop(): Promise<void>;
}

/** Schedules the pods of a namespace to a Node of ours and writes their status as a kubelet would, by their image's tag. */
const startFates = async (api: RawApi, namespace: string): Promise<Pods> => {
  const path = `/api/v1/namespaces/${namespace}/pods`;
  const node = `fates-${randomBytes(4).toString('hex')}`;
  await api.send('POST', '/api/v1/nodes', { metadata: { name: node } });
  let isOpen = true;
  let count = 0;
  const loop = async (): Promise<void> => {
    while (isOpen) {
      const { json } = await api.send('GET', path).catch(() => ({ json: null }));
      for (const pod of itemsOf(json) as unknown as V1Pod[]) {
        // A pod may go between the look and the write.
        await drivePod(api, path, node, pod, (count += 1)).catch(() => undefined);
      }
      await sleep(POLL_MS);
    }
  };
  const done = loop();
  return {
    cluster: {
      // No kubelet: nothing of a pod answers. The proxy itself is tested where it is.
      probeService: async () => ({ kind: 'answered', status: 200, body: '{"status":"SERVING"}' }),
      podLog: async (_namespace, pod) => (pod === '' ? null : `starting\n${CRASH_LOG}`),
    },
    stop: async () => {
      isOpen = false;
      await done;
      await api.send('DELETE', `/api/v1/nodes/${node}`);
    },
  };
};

const KINDS = [
  ['v1', 'Service', '/api/v1', 'services'],
  ['apps/v1', 'Deployment', '/apis/apps/v1', 'deployments'],
  ['v1', 'ConfigMap', '/api/v1', 'configmaps'],
  ['coordination.k8s.io/v1', 'Lease', '/apis/coordination.k8s.io/v1', 'leases'],
] as const;

export interface ApiWorldOptions {
  readonly speed?: number;
  readonly startPods?: (api: RawApi, namespace: string) => Promise<Pods>;
}

export interface ApiWorld extends ReleaseWorld {
  readonly api: RawApi;
}

/**
 * The world of the release suites on a Kubernetes API with its controllers, in a namespace of its own. Its clock runs
 * `speed` times as fast as real time, so that 45 s of a pod that cannot pull take 4.5.
 */
export const createApiReleaseWorld = async (
  access: ClusterAccess,
  { speed = 10, startPods = startFates }: ApiWorldOptions = {},
): Promise<ApiWorld> => {
  const api = await createRawApi(access);
  const namespace = `release-${randomBytes(5).toString('hex')}`;
  await api.send('POST', '/api/v1/namespaces', { metadata: { name: namespace } });
  const pods = await startPods(api, namespace);
  const startedAt = Date.now();
  let skippedMs = 0;
  const now = (): Date => new Date(startedAt + (Date.now() - startedAt) * speed + skippedMs);
  const store = createMemoryStore({ now });
  putList(store);
  const cluster: ReleaseCluster = { ...createCluster(access), ...pods.cluster };
  return {
    api,
    cluster,
    namespace,
    store,
    now,
    wait: async (ms) => sleep(ms / speed),
    passLease: async () => {
      skippedMs += 61_000;
    },
    putSecret: async (name, keys) => {
      const stringData = Object.fromEntries(keys.map((key) => [key, 'x']));
      await api.send('POST', `/api/v1/namespaces/${namespace}/secrets`, { metadata: { name }, stringData });
    },
    objects: async () => {
      const found = await Promise.all(
        KINDS.map(async ([apiVersion, kind, base, plural]) => {
          const { json } = await api.send('GET', `${base}/namespaces/${namespace}/${plural}`);
          return itemsOf(json).map((item) => ({ ...item, apiVersion, kind }));
        }),
      );
      return found.flat();
    },
    put: async (object, manager) => {
      const [, , base = '', plural = ''] = KINDS.find(([, kind]) => kind === object.kind) ?? [];
      const path = `${base}/namespaces/${namespace}/${plural}`;
      const query = `?fieldManager=${encodeURIComponent(manager)}`;
      const { status } = await api.send('GET', `${path}/${object.metadata.name}`);
      const { namespace: _namespace, ...metadata } = object.metadata;
      if (status === 404) await api.send('POST', `${path}${query}`, { ...object, metadata });
      else await api.send('PATCH', `${path}/${object.metadata.name}${query}`, { ...object, metadata });
    },
    close: async () => {
      await pods.stop();
      await api.send('DELETE', `/api/v1/namespaces/${namespace}`);
      await api.close();
    },
  };
};
