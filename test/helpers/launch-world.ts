import type { LaunchDeps } from '../../src/runs/finish.ts';
import type { RunRequest } from '../../src/runs/request.ts';
import { JOB_DEFAULTS } from '../../src/jobs/spec.ts';
import type { AggregationSpec } from '../../src/jobs/spec.ts';
import type { Cluster } from '../../src/cluster/port.ts';
import type { ObjectStore } from '../../src/storage/port.ts';
import { parseGsUri } from '../../src/storage/uri.ts';
import type { MemoryCluster } from './memory-cluster.ts';
import { createMemoryCluster } from './memory-cluster.ts';
import type { MemoryStore } from './memory-store.ts';
import { createMemoryStore } from './memory-store.ts';

export const NAMESPACE = 'models';
export const LIST = 'gs://models/list.txt';

/** A bucket with a checkpoint list, a cluster with the Secret that the spec mounts, and a clock that tests move. */
export interface LaunchWorld {
  readonly deps: LaunchDeps;
  readonly store: MemoryStore;
  readonly cluster: MemoryCluster;
  advanceMs(ms: number): void;
  /** The waits between reads, in milliseconds. */
  readonly waits: readonly number[];
}

export interface WorldOptions {
  /** Wraps the ports, to make them fail. */
  readonly store?: (store: MemoryStore) => ObjectStore;
  readonly cluster?: (cluster: MemoryCluster) => Cluster;
}

export const createLaunchWorld = (options: WorldOptions = {}): LaunchWorld => {
  let at = Date.UTC(2026, 10, 22, 2, 0, 0);
  const now = (): Date => new Date(at);
  const store = createMemoryStore({ now });
  const cluster = createMemoryCluster({ now });
  const waits: number[] = [];
  store.put(parseGsUri(LIST), 'gs://models/u/1\ngs://models/u/2\n');
  cluster.setSecret(NAMESPACE, 'sacred', ['sacred.json']);
  const deps: LaunchDeps = {
    store: options.store?.(store) ?? store,
    cluster: options.cluster?.(cluster) ?? cluster,
    stateUri: { bucket: 'state', name: '' },
    allowed: { namespaces: [NAMESPACE], images: ['docai/flea-aggregator'], buckets: ['models'] },
    now,
    log: () => {},
    wait: async (ms) => {
      waits.push(ms);
      // Lets other callers go on, as real time would.
      for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
    },
  };
  const advanceMs = (ms: number): void => {
    at += ms;
  };
  return { deps, store, cluster, advanceMs, waits };
};

export const buildSpec = (over: Partial<AggregationSpec> = {}): AggregationSpec => ({
  ...JOB_DEFAULTS,
  aggregationId: 'a1',
  namespace: NAMESPACE,
  releaseName: 'flea-aggregator',
  repository: 'docai/flea-aggregator',
  tag: '1.0',
  checkpointsFilePath: LIST,
  outputPath: 'gs://models/out',
  aggregationType: 'cma',
  serviceAccount: { secret: 'sacred', key: 'sacred.json', mountPath: '/etc/sacred' },
  ...over,
});

export const buildRequest = (over: Partial<AggregationSpec> = {}, rest: Partial<RunRequest> = {}): RunRequest => {
  // Each run has its own directory: only one run at a time writes into a directory.
  const { aggregationId } = over;
  const spec = buildSpec({
    ...(aggregationId !== undefined && { outputPath: `gs://models/out-${aggregationId}` }),
    ...over,
  });
  return { trigger: 'http', spec, asked: { ...spec }, checkSecrets: [], warnings: [], ...rest };
};
