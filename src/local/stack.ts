import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import type { FunctionProcess } from './function-process.ts';
import { startFunctionProcess } from './function-process.ts';
import { createEventDelivery } from './gcs/events.ts';
import type { EventDelivery } from './gcs/events.ts';
import type { ObjectResource } from './gcs/resource.ts';
import { startGcs } from './gcs/server.ts';
import { readAccess, writeKubeconfig } from './kubeconfig.ts';
import { serviceImages } from './images/service/entries.ts';
import { startKubelet } from './kubelet.ts';
import { startKubernetes } from './kubernetes/server.ts';
import type { Scheduler } from './scheduler.ts';
import { startScheduler } from './scheduler.ts';

/** Buckets of the local stack; the functions are allowed these. */
export const BUCKETS = { state: 'tensorio-state', uploads: 'tensorio-uploads', models: 'tensorio-models' } as const;

const AGGREGATOR_IMAGE = 'docai/flea-aggregator';
const SWEEP_MS = 5_000;

export interface StackOptions {
  /** Where state is kept; in memory and a temporary folder without it. */
  readonly dataDir?: string;
  /** The functions' values (`VALUES_FILE`); its `schedules` tick. */
  readonly valuesFile?: string;
  readonly portBase?: number;
  /** This API server instead of the embedded one. */
  readonly kubeconfig?: string;
  /** Image -> command of its own, beside the aggregator's. */
  readonly images?: Readonly<Record<string, readonly string[]>>;
  readonly onLine?: (source: string, line: string) => void;
  /** Milliseconds between sweeps; 0: none. */
  readonly sweepMs?: number;
  /** Events are duplicated, delayed and reordered, by this seed. */
  readonly chaosSeed?: number;
  /** Laid over the functions' environment. */
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
  close(): Promise<void>;
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() =>
        typeof address === 'object' && address !== null ? resolve(address.port) : reject(new Error('no port')),
      );
    });
  });

interface Schedule {
  readonly name: string;
  readonly cron: string;
  readonly timeZone?: string;
}

// Only the schedules: the functions check the file whole when they start.
const schedulesOf = (text: string): Schedule[] => {
  const values: unknown = parse(text);
  if (typeof values !== 'object' || values === null || !('schedules' in values) || !Array.isArray(values.schedules))
    return [];
  return values.schedules.filter(
    (entry): entry is Schedule => typeof entry?.name === 'string' && typeof entry?.cron === 'string',
  );
};

const root = fileURLToPath(new URL('../..', import.meta.url));

const functionEnv = (
  stack: { kubeconfig: string; storageUrl: string; stateUri: string },
  options: StackOptions,
): Record<string, string> => ({
  // The platform's Node is the one that runs: its own PATH finds it for the functions as well.
  PATH: process.env['PATH'] ?? '',
  NODE_ENV: 'production',
  STATE_URI: stack.stateUri,
  KUBECONFIG: stack.kubeconfig,
  STORAGE_API_ENDPOINT: stack.storageUrl,
  ALLOWED_BUCKETS: Object.values(BUCKETS).join(','),
  ...(options.valuesFile !== undefined && { VALUES_FILE: options.valuesFile }),
  ...options.env,
});

const imagesOf = (storageUrl: string, options: StackOptions) => ({
  [AGGREGATOR_IMAGE]: {
    // A young generation of the default size grows to as much again as the updates that are held.
    command: [
      process.execPath,
      '--no-warnings',
      '--max-semi-space-size=4',
      join(root, 'src/local/images/aggregator/main.ts'),
    ],
    env: { STORAGE_API_ENDPOINT: storageUrl },
  },
  ...serviceImages,
  ...Object.fromEntries(
    Object.entries(options.images ?? {}).map(([image, command]) => [image, { command, allowArgs: true }]),
  ),
});

const createEvents = (target: string, options: StackOptions): EventDelivery =>
  createEventDelivery({
    targets: () => [target],
    ...(options.chaosSeed !== undefined && { chaos: { seed: options.chaosSeed } }),
    log: (message, fields) => options.onLine?.('events', `${message} ${JSON.stringify(fields)}`),
  });

interface Closable {
  close(): Promise<void>;
}

// Last started, first ended: a function must not see its cluster go before itself.
const closeAll = async (parts: readonly Closable[]): Promise<void> => {
  for (const part of parts.toReversed()) await part.close();
};

/**
 * Starts the embedded servers, the process kubelet, the functions (each in a process of its own, under the real
 * functions-framework) and the scheduler, all on 127.0.0.1. Rejects, with everything ended, when a part does not start.
 */
export const startStack = async (options: StackOptions = {}): Promise<Stack> => {
  const temporary = options.dataDir === undefined ? mkdtempSync(join(tmpdir(), 'tensorio-local-')) : undefined;
  const dir = options.dataDir ?? temporary ?? '';
  mkdirSync(dir, { recursive: true });
  const onLine = options.onLine ?? (() => {});
  const parts: Closable[] = [];
  const keep = <T extends Closable>(part: T): T => {
    parts.push(part);
    return part;
  };
  const port = async (offset: number): Promise<number> =>
    options.portBase === undefined ? freePort() : options.portBase + offset;
  const dataOf = (name: string) => (options.dataDir === undefined ? {} : { dataDir: join(dir, name) });
  const close = async (): Promise<void> => {
    await closeAll(parts);
    if (temporary !== undefined) rmSync(temporary, { recursive: true, force: true });
  };
  try {
    // Events may be waiting for a function that does not answer yet; they are delivered again until it does.
    const onCheckpointPort = await port(1);
    const events = keep(createEvents(`http://127.0.0.1:${onCheckpointPort}`, options));
    const onFinalize = (object: ObjectResource): Promise<void> =>
      object.bucket === BUCKETS.state ? Promise.resolve() : events.onFinalize(object);
    const gcs = keep(
      await startGcs({ port: await port(4), buckets: Object.values(BUCKETS), onFinalize, ...dataOf('storage') }),
    );
    const kubeconfig = options.kubeconfig ?? join(dir, 'kubeconfig');
    if (options.kubeconfig === undefined) {
      const kubernetes = keep(await startKubernetes({ port: await port(3), ...dataOf('kubernetes') }));
      writeKubeconfig(kubeconfig, kubernetes.url);
    }
    const access = readAccess(kubeconfig);
    keep(await startKubelet({ ...access, images: imagesOf(gcs.url, options), workDir: join(dir, 'kubelet') }));
    const stateUri = `gs://${BUCKETS.state}`;
    const env = functionEnv({ kubeconfig, storageUrl: gcs.url, stateUri }, options);
    const aggregate = keep(
      await startFunctionProcess({
        target: 'aggregate',
        port: await port(0),
        env,
        onLine: (line) => onLine('aggregate', line),
      }),
    );
    const deploy = keep(
      await startFunctionProcess({
        target: 'deploy',
        port: await port(2),
        env,
        onLine: (line) => onLine('deploy', line),
      }),
    );
    const onCheckpoint = keep(
      await startFunctionProcess({
        target: 'onCheckpoint',
        port: onCheckpointPort,
        env,
        onLine: (line) => onLine('onCheckpoint', line),
      }),
    );
    const schedules = options.valuesFile === undefined ? [] : schedulesOf(readFileSync(options.valuesFile, 'utf8'));
    const sweepMs = options.sweepMs ?? SWEEP_MS;
    const scheduler = keep(
      startScheduler({
        jobs: () => schedules.map((schedule) => ({ ...schedule, url: `${aggregate.url}/` })),
        intervals: sweepMs === 0 ? [] : [{ name: 'sweep', everyMs: sweepMs, url: `${aggregate.url}/sweep` }],
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
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
};
