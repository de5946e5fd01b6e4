import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileCache } from './compile-cache.ts';
import type { FunctionProcess } from './function-process.ts';
import { startFunctionProcess } from './function-process.ts';
import { createEventDelivery } from './gcs/events.ts';
import type { EventDelivery } from './gcs/events.ts';
import type { ObjectResource } from './gcs/resource.ts';
import { startGcs } from './gcs/server.ts';
import { readAccess, writeKubeconfig } from './kubeconfig.ts';
import { listenOnLoopback } from './loopback.ts';
import { serviceImages } from './images/service/entries.ts';
import { startKubelet } from './kubelet.ts';
import { startKubernetes } from './kubernetes/server.ts';
import type { Scheduler } from './scheduler.ts';
import { startScheduler } from './scheduler.ts';
import { readValuesFile } from './values-file.ts';

/** Buckets of the local stack. The functions may use these. */
export const BUCKETS = { state: 'tensorio-state', uploads: 'tensorio-uploads', models: 'tensorio-models' } as const;

// Any other tag cannot be pulled, as in a registry.
const SERVICE_TAGS = ['latest', '1.0', '2.0'] as const;
const AGGREGATOR_IMAGE = 'docai/flea-aggregator';
const SWEEP_MS = 5_000;
/** The account of the local Scheduler's calls. */
export const SCHEDULER_ACCOUNT = 'scheduler@local.iam.gserviceaccount.com';

export interface StackOptions {
  /** Keeps state in this folder. Without it, state is in memory and in a temporary folder. */
  readonly dataDir?: string;
  /** The functions' values (`VALUES_FILE`); its `schedules` tick. */
  readonly valuesFile?: string;
  /** Buckets in addition to {@link BUCKETS} and those that the values name. */
  readonly buckets?: readonly string[];
  readonly portBase?: number;
  /** Uses this API server instead of the embedded one. */
  readonly kubeconfig?: string;
  /** Commands by image, in addition to the aggregator's. */
  readonly images?: Readonly<Record<string, readonly string[]>>;
  readonly onLine?: (source: string, line: string) => void;
  /** Milliseconds between sweeps; 0 turns them off. */
  readonly sweepMs?: number;
  /** Duplicates, delays and reorders events by this seed. */
  readonly chaosSeed?: number;
  /** Additional environment of the functions. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface Stack {
  readonly aggregate: FunctionProcess;
  readonly onCheckpoint: FunctionProcess;
  readonly deploy: FunctionProcess;
  readonly scheduler: Scheduler;
  readonly kubernetesUrl: string;
  readonly kubeconfig: string;
  readonly storageUrl: string;
  readonly stateUri: string;
  readonly buckets: readonly string[];
  close(): Promise<void>;
}

interface Ports {
  readonly aggregate: number;
  readonly onCheckpoint: number;
  readonly deploy: number;
  readonly kubernetes: number;
  readonly storage: number;
}

const root = fileURLToPath(new URL('../..', import.meta.url));

interface Closable {
  close(): Promise<void>;
}

/**
 * Starts the embedded servers, the process kubelet, the functions (each in a process of its own, under the real
 * functions-framework) and the scheduler, all on 127.0.0.1. If a part does not start, ends the others and rejects.
 */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const values = options.valuesFile === undefined ? undefined : readValuesFile(options.valuesFile);
  const buckets = [...new Set([...Object.values(BUCKETS), ...(values?.buckets ?? []), ...(options.buckets ?? [])])];
  const ports = await choosePorts(options.portBase);
  const temporary = options.dataDir === undefined ? mkdtempSync(join(tmpdir(), 'tensorio-local-')) : undefined;
  const dir = options.dataDir ?? temporary ?? '';
  mkdirSync(dir, { recursive: true });
  const onLine = options.onLine ?? (() => {});
  const parts: Closable[] = [];
  function keep<T extends Closable>(part: T): T {
    parts.push(part);
    return part;
  }
  function dataOf(name: string) {
    return options.dataDir === undefined ? {} : { dataDir: join(dir, name) };
  }
  async function close(): Promise<void> {
    await closeAll(parts);
    if (temporary !== undefined) rmSync(temporary, { recursive: true, force: true });
  }
  try {
    // Undelivered events of an earlier stack wait until the function listens.
    let eventFunction: FunctionProcess | undefined;
    const events = keep(createEvents(() => eventFunction?.url, options));
    function onFinalize(object: ObjectResource): Promise<void> {
      return object.bucket === BUCKETS.state ? Promise.resolve() : events.onFinalize(object);
    }
    const gcs = keep(await startGcs({ port: ports.storage, buckets, onFinalize, ...dataOf('storage') }));
    const kubeconfig = options.kubeconfig ?? join(dir, 'kubeconfig');
    if (options.kubeconfig === undefined) {
      const kubernetes = keep(await startKubernetes({ port: ports.kubernetes, ...dataOf('kubernetes') }));
      writeKubeconfig(kubeconfig, kubernetes.url);
    }
    const access = readAccess(kubeconfig);
    keep(await startKubelet({ ...access, images: imagesOf(gcs.url, options), workDir: join(dir, 'kubelet') }));
    const stateUri = `gs://${BUCKETS.state}`;
    const env = functionEnv({ kubeconfig, storageUrl: gcs.url, stateUri, buckets }, options);
    async function serve(target: string, at: number): Promise<FunctionProcess> {
      return keep(await startFunctionProcess({ target, port: at, env, onLine: (line) => onLine(target, line) }));
    }
    const [aggregate, deploy, onCheckpoint] = await allOrNone([
      serve('aggregate', ports.aggregate),
      serve('deploy', ports.deploy),
      serve('onCheckpoint', ports.onCheckpoint).then((started) => (eventFunction = started)),
    ]);
    const schedules = values?.schedules ?? [];
    const sweepMs = options.sweepMs ?? SWEEP_MS;
    const scheduler = keep(
      startScheduler({
        jobs: () =>
          schedules.map((schedule) => ({ ...schedule, url: `${aggregate.url}/`, serviceAccount: SCHEDULER_ACCOUNT })),
        intervals:
          sweepMs === 0
            ? []
            : [{ name: 'sweep', everyMs: sweepMs, url: `${aggregate.url}/sweep`, serviceAccount: SCHEDULER_ACCOUNT }],
        onFault: (job, message) => onLine('scheduler', `${job}: ${message}`),
      }),
    );
    return {
      aggregate,
      onCheckpoint,
      deploy,
      scheduler,
      kubernetesUrl: access.server,
      kubeconfig,
      storageUrl: gcs.url,
      stateUri,
      buckets,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

// In reverse order: a function must end before its cluster does.
async function closeAll(parts: readonly Closable[]): Promise<void> {
  for (const part of parts.toReversed()) await part.close();
}

// 0 is any free port. The server that listens takes it, so that no other process can take it in between.
async function choosePorts(base: number | undefined): Promise<Ports> {
  function at(index: number): number {
    return base === undefined ? 0 : base + index;
  }
  const ports = { aggregate: at(0), onCheckpoint: at(1), deploy: at(2), kubernetes: at(3), storage: at(4) };
  if (base !== undefined) for (const port of Object.values(ports)) await requireFree(port);
  return ports;
}

async function requireFree(port: number): Promise<void> {
  const server = createServer();
  try {
    await listenOnLoopback(server, port);
  } catch (cause) {
    const advice = 'Stop the process that listens on it, or choose another --port-base.';
    throw new Error(`port ${port} is in use. ${advice}`, { cause });
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

function createEvents(target: () => string | undefined, options: StackOptions): EventDelivery {
  return createEventDelivery({
    targets: () => [target()],
    ...(options.chaosSeed !== undefined && { chaos: { seed: options.chaosSeed } }),
    log: (message, fields) => options.onLine?.('events', `${message} ${JSON.stringify(fields)}`),
  });
}

function imagesOf(storageUrl: string, options: StackOptions) {
  return {
    [AGGREGATOR_IMAGE]: {
      // With the default size, the young generation grows as large as the updates in memory.
      command: [process.execPath, '--no-warnings', '--max-semi-space-size=4', join(root, 'src/aggregator/main.ts')],
      env: { ...compileCache, STORAGE_API_ENDPOINT: storageUrl },
    },
    // The longest matching reference wins: ours has a tag and would win over a given one without a tag.
    ...Object.fromEntries(
      Object.entries(serviceImages)
        .filter(([image]) => options.images?.[image] === undefined)
        .flatMap(([image, entry]) => SERVICE_TAGS.map((tag) => [`${image}:${tag}`, entry])),
    ),
    ...Object.fromEntries(
      Object.entries(options.images ?? {}).map(([image, command]) => [image, { command, allowArgs: true }]),
    ),
  };
}

function functionEnv(
  stack: { kubeconfig: string; storageUrl: string; stateUri: string; buckets: readonly string[] },
  options: StackOptions,
): Record<string, string> {
  return {
    // The functions find the same Node through PATH.
    PATH: process.env['PATH'] ?? '',
    NODE_ENV: 'production',
    STATE_URI: stack.stateUri,
    KUBECONFIG: stack.kubeconfig,
    STORAGE_API_ENDPOINT: stack.storageUrl,
    ALLOWED_BUCKETS: stack.buckets.join(','),
    SCHEDULER_SERVICE_ACCOUNT: SCHEDULER_ACCOUNT,
    ...(options.valuesFile !== undefined && { VALUES_FILE: options.valuesFile }),
    ...options.env,
  };
}

// Waits for all before it rejects, so that every part that did start is known and can be ended.
async function allOrNone<T extends readonly Promise<unknown>[]>(
  starting: [...T],
): Promise<{ [K in keyof T]: Awaited<T[K]> }> {
  await Promise.allSettled(starting);
  return Promise.all(starting);
}
