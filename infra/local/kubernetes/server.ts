import { createServer as createHttpServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { closeServer, listenOnLoopback } from '../loopback.ts';
import { createCluster } from './cluster.ts';
import { startControllers } from './controllers/start.ts';
import { createHandler } from './http/handler.ts';
import { createStore } from './store/store.ts';

export interface KubernetesOptions {
  /** 0 or absent: any free port. */
  readonly port?: number;
  /** Where the cluster is kept; in memory only when absent. */
  readonly dataDir?: string;
  /** PEM texts; plain HTTP when absent. */
  readonly tls?: { readonly key: string; readonly cert: string };
  /** The accepted bearer tokens, read at each request. Without it, every request is accepted. */
  readonly tokens?: () => ReadonlySet<string>;
  /** The answer of /version. */
  readonly version?: string;
  /** First pause before a failed Job pod is replaced; it doubles with every failure. 10 s in a real cluster. */
  readonly jobBackoffMs?: number;
  /** The number of changes that a watch may go back before it gets 410. */
  readonly historyLimit?: number;
}

export interface Kubernetes {
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

const defaultVersion = 'v1.32.0';
const defaultJobBackoffMs = 1_000;

/**
 * Starts the embedded Kubernetes API on 127.0.0.1. Resolves once it listens. Rejects when the port is taken, or when
 * `dataDir` cannot be written or holds a damaged journal.
 */
export async function startKubernetes(options: KubernetesOptions = {}): Promise<Kubernetes> {
  const store = createStore({ folder: options.dataDir, historyLimit: options.historyLimit });
  const cluster = createCluster(store, () => new Date());
  const handler = createHandler({ cluster, version: options.version ?? defaultVersion, tokens: options.tokens });
  function listener(request: IncomingMessage, response: ServerResponse): void {
    return void handler(request, response);
  }
  const server = options.tls === undefined ? createHttpServer(listener) : createHttpsServer(options.tls, listener);
  // Watches live longer than any default of node:http.
  server.requestTimeout = 0;
  server.timeout = 0;
  const port = await listenOnLoopback(server, options.port);
  const controllers = startControllers(cluster, { jobBackoffMs: options.jobBackoffMs ?? defaultJobBackoffMs });
  let closing: Promise<void> | undefined;
  async function close(): Promise<void> {
    controllers.close();
    await closeServer(server);
    store.close();
  }
  return {
    url: `${options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    port,
    close: () => (closing ??= close()),
  };
}
