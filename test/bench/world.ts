import { join } from 'node:path';
import { stringify } from 'yaml';
import { writeKubeconfig } from '../../infra/local/kubeconfig.ts';
import type { Client, ClientOptions } from './client.ts';
import { createClient, expectStatus } from './client.ts';
import type { MeasuredFunction } from './measured-function.ts';
import { startMeasuredFunction } from './measured-function.ts';
import type { Scope } from './scope.ts';
import type { Server } from './servers.ts';
import { startServer } from './servers.ts';

export const BUCKETS = { state: 'bench-state', uploads: 'bench-uploads', models: 'bench-models' } as const;
export const NAMESPACE = 'default';

/** An API server, and how to speak to it. */
export interface ApiServer {
  readonly url: string;
  readonly kubeconfig: string;
  readonly client: Client;
}

/** A bucket and an API server, each in processes of its own, and the functions over them. */
export interface World {
  readonly storage: Server;
  readonly api: ApiServer;
  /** To the bucket and the functions. */
  readonly client: Client;
  /** Returns the object's resource. */
  upload(bucket: string, name: string, body: string | Uint8Array): Promise<string>;
  /** The functions' environment. */
  readonly env: Readonly<Record<string, string>>;
  startFunction(target: 'aggregate' | 'onCheckpoint' | 'deploy'): Promise<MeasuredFunction>;
}

export interface WorldOptions {
  /** This API server instead of the embedded one. */
  readonly api?: ClientOptions & { readonly url: string; readonly kubeconfig: string };
  /** Of the bucket; in memory without it. */
  readonly dataDir?: string;
  /** The functions' values. */
  readonly values?: object;
}

/** How the aggregator is run; what a request or a round's values name besides is the list and the output path. */
export const AGGREGATOR = {
  releaseName: 'bench',
  repository: 'docai/flea-aggregator',
  tag: '1.0',
  aggregationType: 'cma',
  serviceAccount: { secret: 'sacred', key: 'sacred.json', mountPath: '/etc/sacred' },
} as const;

const startEmbedded = async (scope: Scope): Promise<{ url: string; kubeconfig: string }> => {
  const { url } = await startServer(scope, { kind: 'kubernetes' });
  const kubeconfig = join(scope.folder(), 'kubeconfig');
  writeKubeconfig(kubeconfig, url);
  return { url, kubeconfig };
};

const createSecret = async ({ url, client }: ApiServer): Promise<void> => {
  const { secret, key } = AGGREGATOR.serviceAccount;
  const body = { apiVersion: 'v1', kind: 'Secret', metadata: { name: secret }, stringData: { [key]: '{}' } };
  const sent = client.send('POST', `${url}/api/v1/namespaces/${NAMESPACE}/secrets`, JSON.stringify(body));
  expectStatus(await sent, [201], 'The Secret of the aggregator');
};

/** Starts the servers of a section, with the aggregator's Secret; all of it ends with the scope. */
export const startWorld = async (
  scope: Scope,
  { api: given, dataDir, values = {} }: WorldOptions = {},
): Promise<World> => {
  const [storage, found] = await Promise.all([
    startServer(scope, {
      kind: 'storage',
      buckets: Object.values(BUCKETS),
      ...(dataDir !== undefined && { dataDir }),
    }),
    given ?? startEmbedded(scope),
  ]);
  const api: ApiServer = { ...found, client: scope.keep(createClient(given)) };
  const client = scope.keep(createClient());
  await createSecret(api);
  const env = {
    PATH: process.env['PATH'] ?? '',
    NODE_ENV: 'production',
    STATE_URI: `gs://${BUCKETS.state}`,
    KUBECONFIG: api.kubeconfig,
    STORAGE_API_ENDPOINT: storage.url,
    ALLOWED_BUCKETS: Object.values(BUCKETS).join(','),
    VALUES: stringify(values),
  };
  return {
    storage,
    api,
    client,
    env,
    upload: async (bucket, name, body) => {
      const url = `${storage.url}/upload/storage/v1/b/${bucket}/o?uploadType=media&name=${encodeURIComponent(name)}`;
      const sent = client.send('POST', url, body, { 'content-type': 'application/octet-stream' });
      return expectStatus(await sent, [200], `The upload of ${name}`).text;
    },
    startFunction: (target) => startMeasuredFunction(scope, target, env),
  };
};
