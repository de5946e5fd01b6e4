import { memoise } from '../upstream/memoise.ts';
import type { ClusterAccess } from './connection.ts';
import type { ClusterOptions } from './kubernetes.ts';
import type { ReleaseCluster } from './release-port.ts';

/**
 * The cluster behind `access`, whose client library is loaded at the first call: a new instance answers its first
 * request sooner, and a request that is refused needs no library.
 */
export function openCluster(access: ClusterAccess, options: ClusterOptions): ReleaseCluster {
  const { get } = memoise(async () => (await import('./kubernetes.ts')).createCluster(access, options));
  return {
    createJob: async (...args) => (await get()).createJob(...args),
    getJob: async (...args) => (await get()).getJob(...args),
    listJobs: async (...args) => (await get()).listJobs(...args),
    deleteJob: async (...args) => (await get()).deleteJob(...args),
    suspendJob: async (...args) => (await get()).suspendJob(...args),
    listPods: async (...args) => (await get()).listPods(...args),
    listEvents: async (...args) => (await get()).listEvents(...args),
    podLog: async (...args) => (await get()).podLog(...args),
    secretKeys: async (...args) => (await get()).secretKeys(...args),
    getObject: async (...args) => (await get()).getObject(...args),
    listObjects: async (...args) => (await get()).listObjects(...args),
    applyObject: async (...args) => (await get()).applyObject(...args),
    createObject: async (...args) => (await get()).createObject(...args),
    replaceObject: async (...args) => (await get()).replaceObject(...args),
    deleteObject: async (...args) => (await get()).deleteObject(...args),
    replaceManagedFields: async (...args) => (await get()).replaceManagedFields(...args),
    probeService: async (...args) => (await get()).probeService(...args),
  };
}
