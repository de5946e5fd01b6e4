import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { Faults } from './faults.ts';
import { injectFault } from './faults.ts';
import { GcsError } from './errors.ts';
import type { Call, Reply } from './http.ts';
import { errorReply, sendReply } from './http.ts';
import { closeServer, listenOnLoopback } from '../loopback.ts';
import { requireBucketName } from './names.ts';
import type { ObjectRecord } from './records.ts';
import type { ObjectResource } from './resource.ts';
import { buildObjectResource } from './resource.ts';
import type { ResumableUploads } from './resumable.ts';
import { createResumableUploads } from './resumable.ts';
import { dispatch } from './routes.ts';
import type { Store } from './store.ts';
import { createStore } from './store.ts';

export interface GcsOptions {
  /** 0, the default: any free port. */
  readonly port?: number;
  /** Without it all state is in memory. */
  readonly dataDir?: string;
  /** Created at the start if they do not exist. */
  readonly buckets?: readonly string[];
  readonly now?: () => Date;
  /**
   * Called for every new generation. The event counts as delivered once the promise resolves. With `dataDir`, events
   * that were not delivered when a process ended are delivered when the next one starts.
   */
  readonly onFinalize?: (object: ObjectResource) => void | Promise<void>;
  readonly faults?: Faults;
}

export interface GcsServer {
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

// Longer than any client keeps an idle connection, so that it is never closed under a request being sent.
const KEEP_ALIVE_TIMEOUT_MS = 620_000;

/**
 * Starts an embedded Cloud Storage on 127.0.0.1 that speaks the JSON API; what it does not support it answers with 501.
 * Throws when the port is taken or the data folder is damaged.
 */
export async function startGcs(options: GcsOptions = {}): Promise<GcsServer> {
  const { now = () => new Date(), dataDir, onFinalize } = options;
  const notify: { object?: (object: ObjectRecord) => unknown } = {};
  const store = await createStore({
    ...(dataDir !== undefined && { dataDir }),
    now,
    ...(onFinalize !== undefined && { onPut: (object) => void notify.object?.(object) }),
  });
  const missing = (options.buckets ?? []).filter((name) => !store.buckets().some((bucket) => bucket.name === name));
  for (const name of missing) {
    store.createBucket({ name: requireBucketName(name), location: 'US', storageClass: 'STANDARD' });
  }
  await store.settled();
  const uploads = createResumableUploads();
  const listener = createListener(store, uploads, options.faults);
  const server = createServer(listener);
  server.keepAliveTimeout = KEEP_ALIVE_TIMEOUT_MS;
  // An upload takes as long as it takes.
  server.requestTimeout = 0;
  const port = await listenOnLoopback(server, options.port);
  const url = `http://127.0.0.1:${port}`;
  notify.object = createNotifier(store, onFinalize, url);
  for (const object of store.undelivered()) notify.object(object);
  return {
    url,
    port,
    async close() {
      await closeServer(server);
      await uploads.close();
      await store.close();
    },
  };
}

function createListener(store: Store, uploads: ResumableUploads, faults: Faults | undefined): RequestListener {
  return (request: IncomingMessage, response: ServerResponse) => {
    async function serve(): Promise<void> {
      const call = readCall(request);
      function carryOut(): Promise<Reply> {
        return answer(store, uploads, call);
      }
      const reply = await injectFault(faults?.({ method: call.method, path: request.url ?? '/' }), carryOut);
      if (reply === 'reset') {
        request.socket.destroy();
        return;
      }
      await sendReply(response, reply);
      // What a refused upload still sends must be read for the connection to be used again.
      if (!request.readableEnded) request.resume();
    }
    serve().catch(() => request.socket.destroy());
  };
}

function readCall(request: IncomingMessage): Call {
  const url = request.url ?? '/';
  const cut = url.indexOf('?');
  return {
    method: request.method ?? 'GET',
    path: cut < 0 ? url : url.slice(0, cut),
    query: new URLSearchParams(cut < 0 ? '' : url.slice(cut + 1)),
    request,
    base: `http://${request.headers.host ?? '127.0.0.1'}`,
  };
}

/** The answer to `call`; what it says is on disk when this resolves. */
async function answer(store: Store, uploads: ResumableUploads, call: Call): Promise<Reply> {
  function refuse(error: unknown): Reply {
    return errorReply(toGcsError(error), call.query.get('alt') === 'media');
  }
  const reply = await dispatch({ store, uploads }, call).catch(refuse);
  // A refusal depends on the state, too: for example on an object that another request has just deleted.
  return store.settled().then(() => reply, refuse);
}

function toGcsError(error: unknown): GcsError {
  if (error instanceof GcsError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new GcsError(500, 'internalError', `The local Cloud Storage failed: ${message}`);
}

/** Calls `onFinalize` for an object and then marks it as delivered. */
function createNotifier(store: Store, onFinalize: GcsOptions['onFinalize'], base: string) {
  if (onFinalize === undefined) return () => undefined;
  return async (object: ObjectRecord): Promise<void> => {
    try {
      await store.settled();
      await onFinalize(buildObjectResource(object, base));
      store.markDelivered(object.generation);
    } catch {
      // Not delivered: the next start delivers it again.
    }
  };
}
