import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createApi } from './kubelet/api.ts';
import type { ApiOptions } from './kubelet/api.ts';
import { DEFAULT_TIMINGS } from './kubelet/backoff.ts';
import type { Timings } from './kubelet/backoff.ts';
import { createEventRecorder } from './kubelet/events.ts';
import { startLogServer } from './kubelet/log-server.ts';
import { buildOffer, createNodeRegistration } from './kubelet/node.ts';
import type { NodeContext } from './kubelet/node-context.ts';
import { createPodRegistry } from './kubelet/pod-registry.ts';
import { createPodScheduler } from './kubelet/pod-scheduler.ts';
import { watchPods } from './kubelet/pod-watch.ts';
import { createPortAllocator } from './kubelet/ports.ts';
import { createSources } from './kubelet/sources.ts';
import { messageOf } from './kubelet/types.ts';
import type { Images } from './kubelet/types.ts';

export interface KubeletOptions extends ApiOptions {
  /** `local` by default. */
  readonly nodeName?: string;
  /** Which local program runs an image; read at each start of a container. */
  readonly images: Images;
  /** For volumes, home folders and process records of the pods: `pods/<uid>`. */
  readonly workDir: string;
  /** `<workDir>/logs` by default. */
  readonly logDir?: string;
  /** Of the server for logs; a free one by default. */
  readonly port?: number;
  /** What the node offers; by default what the machine has. */
  readonly capacity?: { readonly cpu?: string; readonly memory?: string };
  /** Bind only the pods of these namespaces: on a cluster that has a scheduler of its own. */
  readonly schedulesNamespaces?: readonly string[];
  readonly timings?: Partial<Timings>;
  readonly heartbeatMs?: number;
  /** Of faults that belong to no pod (the API is unreachable). Nothing is written anywhere without it. */
  readonly report?: (message: string) => void;
}

export interface Kubelet {
  /** Of the server for logs. */
  readonly port: number;
  /** Ends all processes (SIGTERM, then SIGKILL), writes their pods Failed (NodeShutdown) and the Node not ready. */
  close(): Promise<void>;
}

const CLOSING_WORDS_MS = 3000;

const repeat = (everyMs: number, work: () => Promise<void> | void, report: (message: string) => void): (() => void) => {
  const timer = setInterval(() => {
    void (async () => work())().catch((error: unknown) => report(messageOf(error)));
  }, everyMs);
  return () => clearInterval(timer);
};

/** Whatever cannot be told in time when the kubelet ends is left untold. */
const inTime = async (work: Promise<unknown>): Promise<void> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((settle) => (timer = setTimeout(settle, CLOSING_WORDS_MS)));
  await Promise.race([work.catch(() => {}), late]);
  clearTimeout(timer);
};

/**
 * A kubelet that runs containers as local processes, and the scheduler of its one node. An ordinary client of the API server, embedded or
 * real. Resolves when the Node is registered and the pods are listed.
 *
 * A process has no container around it: it sees this machine's files and network as the user who runs the kubelet, on 127.0.0.1. See mounts.ts
 * for how mounted volumes are found, ports.ts for ports; securityContext, resource limits and lifecycle hooks have no effect.
 * @throws when the API server refuses the Node or the list of pods, or cannot be reached
 */
export const startKubelet = async (options: KubeletOptions): Promise<Kubelet> => {
  const { nodeName = 'local', images, report = () => {}, capacity, heartbeatMs = 10_000 } = options;
  const timings: Timings = { ...DEFAULT_TIMINGS, ...options.timings };
  const podsDir = join(resolve(options.workDir), 'pods');
  mkdirSync(podsDir, { recursive: true, mode: 0o700 });
  const api = createApi(options);
  const events = createEventRecorder(api, nodeName, report);
  const logsDir = resolve(options.logDir ?? join(options.workDir, 'logs'));
  const node: NodeContext = {
    api,
    images,
    events,
    timings,
    nodeName,
    podsDir,
    logsDir,
    report,
    sources: createSources(api),
    ports: createPortAllocator(),
  };
  const offer = buildOffer({ name: nodeName, ...(capacity !== undefined && { capacity }) });
  const namespaces = options.schedulesNamespaces;
  const schedule = createPodScheduler({
    api,
    node: offer,
    events,
    report,
    ...(namespaces !== undefined && { namespaces }),
  });
  const registry = createPodRegistry(node, schedule);
  const logs = await startLogServer({
    find: registry.findLog,
    ...(options.port !== undefined && { port: options.port }),
  });
  const registration = createNodeRegistration(api, {
    name: nodeName,
    port: logs.port,
    images: Object.keys(images),
    ...(capacity !== undefined && { capacity }),
  });
  const stop = new AbortController();

  const open = async (): Promise<{ ended: Promise<void> }> => {
    await registration.register();
    return watchPods({ api, handlers: registry, signal: stop.signal, retryMs: 200, report });
  };
  const watching = await open().catch(async (error: unknown) => {
    await Promise.all([logs.close(), api.close()]);
    throw error;
  });
  const stops = [
    repeat(
      heartbeatMs,
      () => registration.beat(),
      (message) => report(`the node was not heard: ${message}`),
    ),
    repeat(timings.retryMs, () => registry.offerAgain(), report),
  ];
  await registration.beat().catch((error: unknown) => report(`the node was not heard: ${messageOf(error)}`));

  return {
    port: logs.port,
    close: async () => {
      for (const end of stops) end();
      stop.abort();
      await watching.ended;
      await registry.shutdown(timings.shutdownGraceMs);
      await inTime(events.flush().then(() => registration.leave()));
      await logs.close();
      await api.close();
    },
  };
};
