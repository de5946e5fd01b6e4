import type { KubeObject, ReleaseCluster } from '../../src/cluster/release-port.ts';
import type { ReleaseAnswer } from '../../src/release/answer.ts';
import { deploy } from '../../src/release/deploy.ts';
import type { DeployRequest, ReleaseDeps } from '../../src/release/request.ts';
import { uninstall } from '../../src/release/uninstall.ts';
import type { UninstallOptions } from '../../src/release/uninstall.ts';
import { parseGsUri } from '../../src/storage/uri.ts';
import type { JsonObject } from '../../src/values/json.ts';
import { createMemoryCluster } from '../helpers/memory-cluster.ts';
import type { MemoryCluster } from '../helpers/memory-cluster.ts';
import type { MemoryStore } from '../helpers/memory-store.ts';
import { createMemoryStore } from '../helpers/memory-store.ts';
import { createControllers } from './memory-controllers.ts';
import type { MemoryObjects } from './memory-objects.ts';
import { createMemoryObjects } from './memory-objects.ts';
import type { Example } from './values.ts';
import { exampleDocument, exampleValues } from './values.ts';
import { mergeValues } from '../../src/values/merge.ts';

export const LIST = 'gs://example-jobs/task-1/aggregation-checkpoints.txt';

/** A cluster for releases, what people do to it behind the product's back, and a clock. */
export interface ReleaseWorld {
  readonly cluster: ReleaseCluster;
  readonly namespace: string;
  readonly store: MemoryStore;
  readonly now: () => Date;
  readonly wait: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** Lets a Lease that nobody renews any more expire. */
  passLease(): Promise<void>;
  putSecret(name: string, keys: readonly string[]): Promise<void>;
  /** Every object of the kinds that releases make, and their records. */
  objects(): Promise<readonly KubeObject[]>;
  /** Writes an object as another program would, by Update. */
  put(object: KubeObject, manager: string): Promise<void>;
  close(): Promise<void>;
}

let ids = 0;

export const createDeps = (world: ReleaseWorld, cluster: ReleaseCluster = world.cluster): ReleaseDeps => ({
  cluster,
  newId: () => `request-${(ids += 1)}`,
  launch: {
    store: world.store,
    cluster,
    stateUri: { bucket: 'state', name: '' },
    allowed: {
      namespaces: [world.namespace],
      images: ['docai/flea-aggregator', 'docai/tensorio-models', 'docai/flea'],
      buckets: ['example-repository', 'example-flea', 'example-flea-uploads', 'example-jobs'],
    },
    now: world.now,
    log: () => {},
    wait: world.wait,
  },
});

export const putList = (store: MemoryStore): void =>
  void store.put(parseGsUri(LIST), 'gs://example-jobs/u/1\ngs://example-jobs/u/2\n');

export interface MemoryWorld extends ReleaseWorld {
  readonly memory: MemoryObjects;
  readonly pods: MemoryCluster;
  advanceMs(ms: number): void;
}

export const createMemoryWorld = (namespace = 'default'): MemoryWorld => {
  let at = Date.UTC(2026, 0, 2, 3, 4, 5);
  const now = (): Date => new Date(at);
  const pods = createMemoryCluster({ now });
  const memory = createMemoryObjects(now);
  const controllers = createControllers(memory, pods);
  const store = createMemoryStore({ now });
  putList(store);
  const cluster: ReleaseCluster = {
    ...pods,
    ...memory,
    probeService: async () => ({ kind: 'answered', status: 200, body: '{"status":"SERVING"}' }),
  };
  return {
    cluster,
    namespace,
    store,
    memory,
    pods,
    now,
    wait: async (ms) => {
      at += ms;
      controllers.tick();
      for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
    },
    advanceMs: (ms) => {
      at += ms;
    },
    passLease: async () => {
      at += 61_000;
      controllers.tick();
    },
    putSecret: async (name, keys) => pods.setSecret(namespace, name, keys),
    objects: async () => memory.all().filter(({ kind }) => !['ReplicaSet', 'EndpointSlice'].includes(kind)),
    put: async (object, manager) => memory.put(object, manager),
    close: async () => undefined,
  };
};

/** Values of an example whose images have the tags given: the tag is what becomes of the pods. */
export const tagged = (repository: string, flea: string | null = null): JsonObject => ({
  repository: { deployment: { tag: repository } },
  flea: flea === null ? null : { deployment: { tag: flea } },
});

export interface Ask extends Partial<Omit<DeployRequest, 'source'>> {
  readonly example?: Example;
  readonly over?: JsonObject;
  readonly revision?: number;
}

export const buildRequest = (world: ReleaseWorld, ask: Ask = {}): DeployRequest => {
  const { example = 'basic', over = {}, revision, ...rest } = ask;
  const there = { ...over, namespace: world.namespace };
  return {
    release: 'demo',
    namespace: world.namespace,
    source:
      revision === undefined
        ? {
            kind: 'values',
            values: exampleValues(example, there),
            document: mergeValues(exampleDocument(example), there),
          }
        : { kind: 'revision', revision: revision === 0 ? undefined : revision },
    dryRun: 'no',
    adopt: false,
    force: false,
    waitSec: 120,
    onFailure: 'rollback',
    ...rest,
  };
};

const signal = (): AbortSignal => AbortSignal.timeout(120_000);

export const callDeploy = async (
  world: ReleaseWorld,
  ask: Ask = {},
  deps = createDeps(world),
): Promise<ReleaseAnswer> => deploy(deps, buildRequest(world, ask), signal());

export const callUninstall = async (
  world: ReleaseWorld,
  deps = createDeps(world),
  release = 'demo',
  options: UninstallOptions = {},
): Promise<ReleaseAnswer> =>
  uninstall(deps, { release, namespace: world.namespace, signal: signal() }, 'ann@example.com', options);
