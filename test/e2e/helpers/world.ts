import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, vi } from 'vitest';
import { createClusterAccess } from '../../../src/cluster/access.ts';
import { compileCache } from '../../../infra/local/compile-cache.ts';
import type { FunctionProcess } from '../../../infra/local/function-process.ts';
import { startFunctionProcess } from '../../../infra/local/function-process.ts';
import type { EventDelivery } from '../../../infra/local/gcs/events.ts';
import { createEventDelivery } from '../../../infra/local/gcs/events.ts';
import type { GcsServer } from '../../../infra/local/gcs/server.ts';
import { startGcs } from '../../../infra/local/gcs/server.ts';
import { readAccess, writeKubeconfig } from '../../../infra/local/kubeconfig.ts';
import { startKubelet } from '../../../infra/local/kubelet.ts';
import { startKubernetes } from '../../../infra/local/kubernetes/server.ts';
import { BUCKETS, SCHEDULER_ACCOUNT } from '../../../infra/local/stack.ts';
import { createGcsObjectStore } from '../../../src/storage/gcs.ts';
import type { ObjectStore } from '../../../src/storage/port.ts';
import type { RawApi } from '../../contracts/raw-api.ts';
import { createRawApi } from '../../contracts/raw-api.ts';
import { bundleFunctions } from './bundle.ts';
import type { Calls } from './calls.ts';
import { createCalls } from './calls.ts';
import type { Proxy } from './proxy.ts';
import { startProxy } from './proxy.ts';
import { PATIENCE_MS } from './size.ts';

export { BUCKETS, SCHEDULER_ACCOUNT };

export const IMAGE = 'docai/flea-aggregator';
/** Stands in every Secret of these tests, and may stand nowhere else. */
export const SECRET_VALUE = `not-to-be-told-${randomBytes(8).toString('hex')}`;

const REFERENCE = fileURLToPath(new URL('../../../src/aggregator/main.ts', import.meta.url));
const LISTING = fileURLToPath(new URL('listing-aggregator.mjs', import.meta.url));

/** An API server of somebody else, in the place of the embedded one. */
export interface OtherCluster {
  readonly kubeconfig: string;
  readonly namespace: string;
}

export interface WorldOptions {
  /** Configured values, as an object. */
  readonly values?: object;
  /** The reference aggregator, or the one that only copies its list. */
  readonly aggregator?: 'reference' | 'listing';
  /** Events of the bucket go to onCheckpoint (default), or nowhere: the test sends its own. */
  readonly events?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  readonly cluster?: OtherCluster;
}

export type FunctionName = 'aggregate' | 'onCheckpoint';

/** One line that a function printed. */
export interface Line {
  readonly source: FunctionName;
  readonly text: string;
}

export interface World extends Calls {
  readonly functions: Readonly<Record<FunctionName, FunctionProcess>>;
  /** Between the functions and the bucket, or the API server. The kubelet, the aggregators and the test pass them by. */
  readonly proxies: { readonly storage: Proxy; readonly kubernetes: Proxy };
  readonly gcs: GcsServer;
  readonly events: EventDelivery;
  /** The bucket by the product's own adapter over the real client library. */
  readonly store: ObjectStore;
  readonly api: RawApi;
  readonly namespace: string;
  readonly lines: readonly Line[];
  /** Ends what was started, by its process id. */
  close(): Promise<void>;
}

const imagesFor = (aggregator: WorldOptions['aggregator'], storageUrl: string) => ({
  [IMAGE]: {
    command: [process.execPath, '--no-warnings', aggregator === 'listing' ? LISTING : REFERENCE],
    env: { ...compileCache, STORAGE_API_ENDPOINT: storageUrl },
  },
});

/** The functions' environment, but for what differs by test. */
const environment = (storage: Proxy, kubeconfig: string, namespace: string): Record<string, string> => ({
  PATH: process.env['PATH'] ?? '',
  NODE_ENV: 'production',
  STATE_URI: `gs://${BUCKETS.state}/state`,
  STORAGE_API_ENDPOINT: storage.url,
  KUBECONFIG: kubeconfig,
  ALLOWED_NAMESPACES: namespace,
  ALLOWED_BUCKETS: Object.values(BUCKETS).join(','),
  SCHEDULER_SERVICE_ACCOUNT: SCHEDULER_ACCOUNT,
  // Some tests keep a pod from being placed.
  CALLER_FIELDS: 'aggregator.nodeSelector',
});

const startCluster = async (folder: string, options: WorldOptions, ending: AsyncDisposableStack) => {
  if (options.cluster !== undefined) return options.cluster;
  const kubernetes = await startKubernetes({ jobBackoffMs: 100 });
  ending.defer(() => kubernetes.close());
  const kubeconfig = join(folder, 'kubeconfig');
  writeKubeconfig(kubeconfig, kubernetes.url);
  return { kubeconfig, namespace: 'default' };
};

const startBucket = async (options: WorldOptions, target: () => string | undefined, ending: AsyncDisposableStack) => {
  const targets = (): (string | undefined)[] => (options.events === false ? [] : [target()]);
  const events = createEventDelivery({ targets, baseBackoffMs: 100, maxBackoffMs: 1_000 });
  ending.defer(() => events.close());
  const gcs = await startGcs({
    buckets: Object.values(BUCKETS),
    onFinalize: (object) => (object.bucket === BUCKETS.state ? Promise.resolve() : events.onFinalize(object)),
  });
  ending.defer(() => gcs.close());
  return { gcs, events };
};

/** A kubeconfig like `kubeconfig`, of the same server by way of `url`. */
const proxied = (folder: string, url: string): string => {
  const path = join(folder, 'kubeconfig-of-functions');
  writeKubeconfig(path, url);
  return path;
};

const createWorld = async (options: WorldOptions, ending: AsyncDisposableStack): Promise<Omit<World, 'close'>> => {
  const folder = mkdtempSync(join(tmpdir(), 'tensorio-e2e-'));
  ending.defer(() => rmSync(folder, { recursive: true, force: true }));
  const source = await bundleFunctions();
  const functions: { -readonly [name in FunctionName]?: FunctionProcess } = {};
  const { gcs, events } = await startBucket(options, () => functions.onCheckpoint?.url, ending);
  const { kubeconfig, namespace } = await startCluster(folder, options, ending);
  const access = readAccess(kubeconfig);
  const kubelet = await startKubelet({
    ...access,
    images: imagesFor(options.aggregator, gcs.url),
    workDir: join(folder, 'kubelet'),
    timings: { retryMs: 200, shutdownGraceMs: 200 },
    ...(options.cluster !== undefined && { schedulesNamespaces: [namespace] }),
  });
  ending.defer(() => kubelet.close());
  const storage = await startProxy(gcs.url);
  ending.defer(() => storage.close());
  const { token, ca } = access;
  const kubernetes = await startProxy(access.server, {
    ...(token !== undefined && { headers: { authorization: `Bearer ${token}` } }),
    ...(ca !== undefined && { ca }),
  });
  ending.defer(() => kubernetes.close());
  const api = await createRawApi(createClusterAccess({ kind: 'kubeconfig', path: kubeconfig }));
  ending.defer(() => api.close());
  const functionKubeconfig = proxied(folder, kubernetes.url);
  const lines: Line[] = [];
  const start = async (name: FunctionName): Promise<FunctionProcess> => {
    const started = await startFunctionProcess({
      target: name,
      source,
      env: {
        ...environment(storage, functionKubeconfig, namespace),
        ...(options.values !== undefined && { VALUES: JSON.stringify(options.values) }),
        ...options.env,
      },
      onLine: (text) => void lines.push({ source: name, text }),
    });
    ending.defer(() => started.close());
    functions[name] = started;
    return started;
  };
  const [aggregate, onCheckpoint] = await Promise.all([start('aggregate'), start('onCheckpoint')]);
  return {
    ...createCalls(() => aggregate.url, gcs.url, api, namespace),
    functions: { aggregate, onCheckpoint },
    proxies: { storage, kubernetes },
    gcs,
    events,
    store: createGcsObjectStore({ apiEndpoint: gcs.url, projectId: 'local' }),
    api,
    namespace,
    lines,
  };
};

/**
 * The whole system for one test file: the functions as deployed, each in a process of its own under the real
 * functions-framework, the embedded bucket with its events, an API server and the process kubelet. As `npm start` puts
 * it together, with a proxy before each server. Rejects, with everything ended, when a part does not start.
 */
export const startWorld = async (options: WorldOptions = {}): Promise<World> => {
  const ending = new AsyncDisposableStack();
  try {
    const world = await createWorld(options, ending);
    await world.putSecret('sacred', { 'sacred.json': SECRET_VALUE });
    return { ...world, close: () => ending.disposeAsync() };
  } catch (error) {
    await ending.disposeAsync();
    throw error;
  }
};

/** Whatever a test does: a function writes lines of JSON, and no Secret value is in them. */
const expectTidyLog = (lines: readonly Line[]): void => {
  for (const { text } of lines) {
    expect(JSON.parse(text)).toMatchObject({ severity: expect.any(String), message: expect.any(String) });
    expect(text).not.toContain(SECRET_VALUE);
  }
};

/** A world for all tests of a file, or of a `describe`; it may be asked for in tests and hooks only. */
export const useWorld = (options: WorldOptions | (() => WorldOptions) = {}): (() => World) => {
  vi.setConfig({ testTimeout: PATIENCE_MS, hookTimeout: PATIENCE_MS });
  let world: World | undefined;
  beforeAll(async () => {
    world = await startWorld(typeof options === 'function' ? options() : options);
  }, PATIENCE_MS);
  afterAll(async () => {
    await world?.close();
    expectTidyLog(world?.lines ?? []);
  }, PATIENCE_MS);
  return () => {
    if (world === undefined) throw new Error('The world is there in tests and hooks only.');
    return world;
  };
};
