import type { V1Job } from '@kubernetes/client-node';
import type { Cluster } from '../../../src/cluster/port.ts';
import { PreflightError } from '../../../src/errors.ts';
import { createCoalescer } from '../../../src/rounds/coalesce.ts';
import type { AttemptInput, RoundsDeps } from '../../../src/rounds/deps.ts';
import { createLedgerStore } from '../../../src/rounds/ledger-store.ts';
import type { AdvanceResult } from '../../../src/rounds/step.ts';
import type { ObjectStore } from '../../../src/storage/port.ts';
import type { Observer } from './invariants.ts';
import { crash, remote } from './remote.ts';
import type { Instance, World } from './world.ts';
import { may } from './world.ts';

const NAMESPACE = 'ns';
export const BURIED = 'tensorio-trigger/buried';
export const QUEUE = 'kueue.x-k8s.io/queue-name';
const short = (name: string): string => name.replace(/^tasks\//, '').replace('rounds/', '');

const lowerCase = (text: string): string => text.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');

const buildJob = (
  release: string,
  queued: boolean,
  { taskId, round, attempt, listUri, outputPath }: AttemptInput,
): V1Job => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: {
    name: `${release}-${lowerCase(taskId)}-r${round}-a${attempt}`,
    namespace: NAMESPACE,
    labels: { task: taskId, ...(queued && { [QUEUE]: 'queue' }) },
  },
  spec: {
    suspend: queued,
    template: {
      metadata: { labels: { task: taskId } },
      spec: {
        restartPolicy: 'Never',
        containers: [
          {
            name: 'aggregator',
            env: [
              { name: 'LIST', value: listUri },
              { name: 'OUTPUT', value: outputPath },
            ],
          },
        ],
      },
    },
  },
});

/** A task that kills whoever looks at it. */
const isPoison = (world: World, name: string): boolean =>
  world.config.poison !== null && name === `tasks/${world.config.poison}/ledger.json`;

const createStore = (world: World, instance: Instance, observer: Observer): ObjectStore => ({
  read: (uri, options) => {
    const taskId = /^tasks\/([^/]+)\/ledger\.json$/.exec(uri.name)?.[1];
    return remote(world, instance, 'read', `${instance.name} read ${short(uri.name)}`, () => {
      if (isPoison(world, uri.name)) crash(world, instance, 'poison');
      if (taskId !== undefined) instance.looks.set(taskId, world.step);
      return world.store.read(uri, options);
    });
  },
  stream: () => Promise.reject(new Error('rounds stream nothing')),
  write: (uri, text, options) =>
    remote(
      world,
      instance,
      'write',
      `${instance.name} write ${short(uri.name)} if ${options.ifGenerationMatch}`,
      async () => {
        const written = await world.store.write(uri, text, options);
        world.log(
          () => `  ${written === 'conflict' ? 'conflict' : `generation ${written.generation}: ${text.slice(0, 700)}`}`,
        );
        if (written !== 'conflict') observer.onWrite(uri, text, written);
        return written;
      },
    ),
  list: (options) =>
    remote(
      world,
      instance,
      'read',
      `${instance.name} list ${options.bucket}/${options.prefix} ${options.startOffset ?? ''}`,
      () => world.store.list({ ...options, maxResults: Math.min(options.maxResults ?? 1000, world.config.pageSize) }),
    ),
});

const createCluster = (
  world: World,
  instance: Instance,
): Pick<Cluster, 'createJob' | 'getJob' | 'listJobs' | 'deleteJob' | 'suspendJob' | 'listPods'> => {
  const { cluster } = world;
  const as = `${instance.name} `;
  return {
    createJob: (job, options) => {
      const isTrial = options?.dryRun === true;
      const words = `${isTrial ? 'try' : 'create'} Job ${job.metadata?.name}${job.spec?.suspend ? ' (buried)' : ''}`;
      return remote(world, instance, isTrial ? 'read' : 'create', `${as}${words}`, () => {
        const isBuried = job.metadata?.annotations?.[BURIED] !== undefined;
        if (!isTrial && !isBuried) world.createdJobs.add(job.metadata?.name ?? '');
        return cluster.createJob(job, options);
      });
    },
    getJob: (namespace, name, options) =>
      remote(world, instance, 'read', `${as}get Job ${name}`, () => cluster.getJob(namespace, name, options)),
    listJobs: (namespace, selector, options) =>
      remote(world, instance, 'read', `${as}list Jobs`, () => cluster.listJobs(namespace, selector, options)),
    deleteJob: (namespace, name, options) =>
      remote(world, instance, 'create', `${as}delete Job ${name}`, () => cluster.deleteJob(namespace, name, options)),
    suspendJob: (namespace, name, options) =>
      remote(world, instance, 'create', `${as}suspend Job ${name}`, () => cluster.suspendJob(namespace, name, options)),
    listPods: (namespace, selector, options) =>
      remote(world, instance, 'read', `${as}list Pods ${selector}`, () =>
        cluster.listPods(namespace, selector, options),
      ),
  };
};

const DAYS_MS = 2 * 24 * 3_600_000;

const clockError = (world: World, skewMs: number): number => {
  const { prng } = world;
  if (may(world, 'wrong-clock') && prng.chance(0.15)) return prng.between(-DAYS_MS, DAYS_MS);
  return skewMs === 0 ? 0 : prng.between(-skewMs, skewMs);
};

/** A new instance of the service, with cold caches. */
export const createInstance = (world: World, observer: Observer): Instance => {
  world.births += 1;
  const { skewMs } = world.config;
  const skew = clockError(world, skewMs);
  const looks = new Map<string, number>();
  const { policy, release } = world;
  // The ports need the instance, and the instance its deps.
  const instance: Instance = {
    name: `i${world.births}`,
    skewMs: skew,
    alive: true,
    policy,
    release,
    looks,
    get deps() {
      return deps;
    },
  };
  const store = createStore(world, instance, observer);
  const deps: RoundsDeps = {
    store,
    cluster: createCluster(world, instance),
    now: () => new Date(world.nowMs + skew),
    log: () => undefined,
    stateUri: { bucket: 'state', name: '' },
    policies: async () => [instance.policy],
    buildJob: (input) => buildJob(instance.release, world.config.queued, input),
    podSelector: (taskId) => `task=${taskId}`,
    explain: () => 'it runs.',
    preflight: async () => {
      if (world.secretMissing) throw new PreflightError('Secret "gcs" is missing.');
    },
    ledgers: createLedgerStore(store, { bucket: 'state', name: '' }),
    coalescer: createCoalescer<AdvanceResult>(),
  };
  return instance;
};
