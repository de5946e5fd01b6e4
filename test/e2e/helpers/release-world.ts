import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { createClusterAccess } from '../../../src/cluster/access.ts';
import type { FunctionProcess } from '../../../infra/local/function-process.ts';
import { startFunctionProcess } from '../../../infra/local/function-process.ts';
import { startGcs } from '../../../infra/local/gcs/server.ts';
import { readAccess, writeKubeconfig } from '../../../infra/local/kubeconfig.ts';
import { BUCKETS } from '../../../infra/local/stack.ts';
import { createGcsObjectStore } from '../../../src/storage/gcs.ts';
import { parseGsUri } from '../../../src/storage/uri.ts';
import type { ApiWorld } from '../../release/api-world.ts';
import { createApiReleaseWorld } from '../../release/api-world.ts';
import { bundleFunctions } from './bundle.ts';
import type { Reply } from './calls.ts';
import { send } from './calls.ts';
import type { Proxy, ProxyOptions } from './proxy.ts';
import { startProxy } from './proxy.ts';
import { PATIENCE_MS } from './size.ts';

/** `deploy` in a process of its own, a proxy between it and an API server with its controllers. */
export interface DeployedWorld {
  readonly functions: { readonly deploy: FunctionProcess };
  readonly proxies: { readonly kubernetes: Proxy; readonly storage: Proxy };
  /** Its pods fare as their image's tag says. */
  readonly cluster: ApiWorld;
  call(method: string, path: string, body?: unknown): Promise<Reply>;
}

/** No process is behind the pods: their health is answered in their stead. */
const isHealthy: ProxyOptions['always'] = ({ path }) =>
  /\/services\/[^/]+\/proxy\//.test(path)
    ? { status: 200, headers: { 'content-type': 'application/json' }, body: '{"status":"SERVING"}' }
    : undefined;

/** What an aggregation that goes with a release reads. */
export const AGGREGATION = {
  list: `gs://${BUCKETS.uploads}/lists/two.txt`,
  outputs: `gs://${BUCKETS.models}/outputs`,
  serviceAccount: { secret: 'sacred', key: 'sacred.json', mountPath: '/etc/sacred' },
} as const;

const startBucket = async (ending: AsyncDisposableStack): Promise<Proxy> => {
  const gcs = await startGcs({ buckets: Object.values(BUCKETS) });
  ending.defer(() => gcs.close());
  const store = createGcsObjectStore({ apiEndpoint: gcs.url, projectId: 'local' });
  await store.write(parseGsUri(AGGREGATION.list), `gs://${BUCKETS.uploads}/a.zip\n`, {
    ifGenerationMatch: '0',
    contentType: 'text/plain',
  });
  const storage = await startProxy(gcs.url);
  ending.defer(() => storage.close());
  return storage;
};

const startDeploy = async (kubeconfig: string, storage: string, namespace: string): Promise<FunctionProcess> =>
  startFunctionProcess({
    target: 'deploy',
    source: await bundleFunctions(),
    env: {
      PATH: process.env['PATH'] ?? '',
      NODE_ENV: 'production',
      STATE_URI: `gs://${BUCKETS.state}/state`,
      STORAGE_API_ENDPOINT: storage,
      KUBECONFIG: kubeconfig,
      ALLOWED_NAMESPACES: namespace,
      ALLOWED_BUCKETS: Object.values(BUCKETS).join(','),
      // A request that is held at a write must not be given up and sent again meanwhile.
      UPSTREAM_TIMEOUT_SEC: '300',
      REQUEST_TIMEOUT_SEC: '3540',
    },
    onLine: () => undefined,
  });

const start = async (kubeconfig: string, ending: AsyncDisposableStack): Promise<DeployedWorld> => {
  const folder = mkdtempSync(join(tmpdir(), 'tensorio-deploy-'));
  ending.defer(() => rmSync(folder, { recursive: true, force: true }));
  const { server, token, ca } = readAccess(kubeconfig);
  const kubernetes = await startProxy(server, {
    ...(token !== undefined && { headers: { authorization: `Bearer ${token}` } }),
    ...(ca !== undefined && { ca }),
    always: isHealthy,
  });
  ending.defer(() => kubernetes.close());
  const cluster = await createApiReleaseWorld(createClusterAccess({ kind: 'kubeconfig', path: kubeconfig }));
  ending.defer(() => cluster.close());
  const proxied = join(folder, 'kubeconfig');
  writeKubeconfig(proxied, kubernetes.url);
  await cluster.putSecret(AGGREGATION.serviceAccount.secret, [AGGREGATION.serviceAccount.key]);
  const storage = await startBucket(ending);
  const deploy = await startDeploy(proxied, storage.url, cluster.namespace);
  ending.defer(() => deploy.close());
  return {
    functions: { deploy },
    proxies: { kubernetes, storage },
    cluster,
    call: (method, path, body) => send(`${deploy.url}${path}`, method, body),
  };
};

/** A world for all tests of a `describe`; it may be asked for in tests and hooks only. */
export const useDeployedWorld = (kubeconfig: () => string): (() => DeployedWorld) => {
  const ending = new AsyncDisposableStack();
  let world: DeployedWorld | undefined;
  beforeAll(async () => {
    world = await start(kubeconfig(), ending);
  }, PATIENCE_MS);
  afterAll(() => ending.disposeAsync(), PATIENCE_MS);
  return () => {
    if (world === undefined) throw new Error('The world is there in tests and hooks only.');
    return world;
  };
};
