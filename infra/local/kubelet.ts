import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createApi } from './kubelet/api.ts';
import type { ApiOptions } from './kubelet/api.ts';
import { DEFAULT_TIMINGS } from './kubelet/backoff.ts';
import type { Timings } from './kubelet/backoff.ts';
import { HOST_IP } from './kubelet/downward.ts';
import { createEventRecorder } from './kubelet/events.ts';
import { startLogServer } from './kubelet/log-server.ts';
import { buildOffer, createNodeRegistration } from './kubelet/node.ts';
import type { NodeOptions, NodeRegistration } from './kubelet/node.ts';
import type { NodeContext } from './kubelet/node-context.ts';
import { createPodRegistry } from './kubelet/pod-registry.ts';
import type { PodRegistry } from './kubelet/pod-registry.ts';
import { createPodScheduler } from './kubelet/pod-scheduler.ts';
import { watchPods } from './kubelet/pod-watch.ts';
import { createPortAllocator } from './kubelet/ports.ts';
import { createReporter, inTime } from './kubelet/report.ts';
import { createSources } from './kubelet/sources.ts';
import { messageOf } from './kubelet/types.ts';
import type { Images } from './kubelet/types.ts';

export interface KubeletOptions extends ApiOptions {
  /** `local` by default. */
  readonly nodeName?: string;
  /** The local program for each image; read at each start of a container. */
  readonly images: Images;
  /** For volumes, home folders and process records of the pods: `pods/<uid>`. */
  readonly workDir: string;
  /** `<workDir>/logs` by default. */
  readonly logDir?: string;
  /** Port of the log server; a free port by default. */
  readonly port?: number;
  /** Resources of the node; by default those of the machine. */
  readonly capacity?: { readonly cpu?: string; readonly memory?: string };
  /** Binds only the pods of these namespaces, for a cluster with its own scheduler. */
  readonly schedulesNamespaces?: readonly string[];
  readonly timings?: Partial<Timings>;
  /**
   * The address reported for the pod with a uid, 127.0.0.1 by default. A real API server accepts no loopback address in
   * an EndpointSlice. Processes listen on 127.0.0.1 in any case: a caller that reports another address must forward
   * connections to the ports in the pod's annotation.
   */
  readonly podIP?: (uid: string) => string;
  readonly heartbeatMs?: number;
  /** Called for errors that belong to no pod, such as an unreachable API. Without it they are dropped. */
  readonly report?: (message: string) => void;
}

export interface Kubelet {
  /** Port of the log server. */
  readonly port: number;
  /** Ends all processes (SIGTERM, then SIGKILL), and reports their pods as Failed (NodeShutdown) and the Node as not ready. */
  close(): Promise<void>;
}

/** How long the kubelet tries to report the end to the API server. */
const CLOSING_WORDS_MS = 3000;

/**
 * A kubelet that runs containers as local processes, and the scheduler of its one node. An ordinary client of the API server, embedded or
 * real. Resolves when the Node is registered and the pods are listed.
 *
 * A process is not isolated: it has the files and the network of the user who runs the kubelet, on 127.0.0.1. See mounts.ts
 * for how mounted volumes are found, ports.ts for ports. securityContext, resource limits and lifecycle hooks have no effect; exec and gRPC
 * probes, sidecars, and volumes other than Secret, ConfigMap, emptyDir, downwardAPI and projected are refused in the pod's status or events.
 * @throws when the API server refuses the Node or the list of pods, or cannot be reached
 */
export async function startKubelet(options: KubeletOptions): Promise<Kubelet> {
  const node = createNode(options);
  const registry = createRegistry(node, options);
  const logs = await startLogServer({ find: registry.findLog, port: options.port ?? 0 });
  const registration = createRegistration(node, options, logs.port);
  const stop = new AbortController();
  function killAll(): void {
    return registry.killAll();
  }

  function unheard(error: unknown): void {
    return node.report(`the node's heartbeat was not heard: ${messageOf(error)}`);
  }
  async function open() {
    await registration.register();
    await registration.beat().catch(unheard);
    return watchPods({ api: node.api, handlers: registry, signal: stop.signal, retryMs: 200, report: node.report });
  }
  const watching = await open().catch(async (error: unknown) => {
    await Promise.all([logs.close(), node.api.close()]);
    throw error;
  });
  const rest = keepAlive(node, registry, registration, options.heartbeatMs ?? 10_000);
  // The processes have their own groups and would outlive this process if it ended without `close`.
  process.once('exit', killAll);

  async function close(): Promise<void> {
    rest();
    stop.abort();
    await watching.ended;
    await inTime(registry.shutdown(node.timings.shutdownGraceMs), node.timings.shutdownGraceMs + CLOSING_WORDS_MS);
    killAll();
    process.off('exit', killAll);
    const words = node.events.flush().then(() => registration.leave());
    await inTime(words, CLOSING_WORDS_MS);
    await Promise.all([logs.close(), node.api.close()]);
  }
  let closing: Promise<void> | undefined;
  return { port: logs.port, close: () => (closing ??= close()) };
}

function createNode(options: KubeletOptions): NodeContext {
  const { nodeName = 'local', images, workDir } = options;
  const report = createReporter(options.report ?? (() => {}));
  const podsDir = join(resolve(workDir), 'pods');
  mkdirSync(podsDir, { recursive: true, mode: 0o700 });
  const api = createApi(options);
  return {
    api,
    images,
    nodeName,
    podsDir,
    report,
    logsDir: resolve(options.logDir ?? join(workDir, 'logs')),
    timings: { ...DEFAULT_TIMINGS, ...options.timings },
    events: createEventRecorder(api, nodeName, report),
    sources: createSources(api),
    ports: createPortAllocator(),
    podIP: options.podIP ?? (() => HOST_IP),
  };
}

function createRegistry(node: NodeContext, { capacity, schedulesNamespaces }: KubeletOptions): PodRegistry {
  const { api, events, report, nodeName } = node;
  const offer = buildOffer({ name: nodeName, ...(capacity !== undefined && { capacity }) });
  const limit = schedulesNamespaces === undefined ? {} : { namespaces: schedulesNamespaces };
  return createPodRegistry(node, createPodScheduler({ api, node: offer, events, report, ...limit }));
}

function createRegistration(node: NodeContext, { capacity }: KubeletOptions, port: number): NodeRegistration {
  const options: NodeOptions = { name: node.nodeName, port, images: Object.keys(node.images) };
  return createNodeRegistration(node.api, capacity === undefined ? options : { ...options, capacity });
}

/** Sends heartbeats of the node and retries pods without a node. Returns a function that stops it. */
function keepAlive(
  node: NodeContext,
  registry: PodRegistry,
  registration: NodeRegistration,
  heartbeatMs: number,
): () => void {
  const timers = [
    repeat(
      heartbeatMs,
      () => registration.beat(),
      (message) => node.report(`the node's heartbeat was not heard: ${message}`),
    ),
    repeat(node.timings.retryMs, () => registry.offerAgain(), node.report),
  ];
  return () => timers.forEach(clearInterval);
}

function repeat(everyMs: number, work: () => Promise<void> | void, report: (message: string) => void): NodeJS.Timeout {
  return setInterval(() => {
    void (async () => work())().catch((error: unknown) => report(messageOf(error)));
  }, everyMs);
}
