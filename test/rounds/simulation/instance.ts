import type { Cluster } from '../../../src/cluster/port.ts';
import { createCoalescer } from '../../../src/rounds/coalesce.ts';
import { createLedgerStore } from '../../../src/rounds/ledger-store.ts';
import type { RoundPolicy } from '../../../src/rounds/policy.ts';
import type { AdvanceResult, RoundsContext } from '../../../src/rounds/task-context.ts';
import type { ObjectStore } from '../../../src/storage/port.ts';
import type { Values } from '../../../src/values/parse-values.ts';
import { parseValues } from '../../../src/values/parse-values.ts';
import type { Observer } from './invariants.ts';
import { crash, remote } from './remote.ts';
import type { Instance, World } from './world.ts';
import { may } from './world.ts';

const NAMESPACE = 'ns';
const IMAGE = 'docai/flea-aggregator';
export const PLACEHOLDER = 'tensorio-trigger/placeholder';
export const QUEUE = 'kueue.x-k8s.io/queue-name';
const short = (name: string): string => name.replace(/^tasks\//, '').replace('rounds/', '');

const AGGREGATOR = {
  repository: IMAGE,
  tag: '1.0',
  aggregationType: 'cma',
  serviceAccount: { secret: 'gcs', key: 'key.json', mountPath: '/etc/gcs' },
};
const VALUES = parseValues({ aggregator: AGGREGATOR });
const QUEUED_VALUES = parseValues({ aggregator: { ...AGGREGATOR, queueName: 'queue' } });

const valuesOf = (policy: RoundPolicy, queued: boolean): Values => ({
  ...(queued ? QUEUED_VALUES : VALUES),
  rounds: [{ ...policy, uploads: policy.uploads.text }],
});

/** A task that kills every instance that reads its ledger. */
const isPoison = (world: World, name: string): boolean =>
  world.config.poison !== null && name === `tasks/${world.config.poison}/ledger.json`;

const createStore = (world: World, instance: Instance, observer: Observer): ObjectStore => ({
  read: (uri, options) => {
    const taskId = /^tasks\/([^/]+)\/ledger\.json$/.exec(uri.name)?.[1];
    return remote(world, instance, 'read', `${instance.name} read ${short(uri.name)}`, () => {
      if (isPoison(world, uri.name)) crash(world, instance, 'poison');
      if (taskId !== undefined) instance.reconciles.set(taskId, world.step);
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
): Pick<
  Cluster,
  'createJob' | 'getJob' | 'listJobs' | 'deleteJob' | 'suspendJob' | 'listPods' | 'listEvents' | 'secretKeys'
> => {
  const { cluster } = world;
  const as = `${instance.name} `;
  return {
    createJob: (job, options) => {
      const isTrial = options?.dryRun === true;
      const words = `${isTrial ? 'try' : 'create'} Job ${job.metadata?.name}${job.spec?.suspend ? ' (placeholder)' : ''}`;
      return remote(world, instance, isTrial ? 'read' : 'create', `${as}${words}`, () => {
        const isPlaceholder = job.metadata?.annotations?.[PLACEHOLDER] !== undefined;
        if (!isTrial && !isPlaceholder) world.createdJobs.add(job.metadata?.name ?? '');
        return cluster.createJob(job, options);
      });
    },
    getJob: (namespace, name, options) =>
      remote(world, instance, 'read', `${as}get Job ${name}`, () => cluster.getJob(namespace, name, options)),
    // Beside the listing of pods, so it is no step of its own.
    listJobs: (namespace, selector, options) => cluster.listJobs(namespace, selector, options),
    deleteJob: (namespace, name, options) =>
      remote(world, instance, 'create', `${as}delete Job ${name}`, () => cluster.deleteJob(namespace, name, options)),
    suspendJob: (namespace, name, options) =>
      remote(world, instance, 'create', `${as}suspend Job ${name}`, () => cluster.suspendJob(namespace, name, options)),
    listEvents: async () => [],
    secretKeys: async () => (world.secretMissing ? null : ['key.json']),
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
  const reconciles = new Map<string, number>();
  const { policy, release } = world;
  // The ports need the instance, and the instance its deps.
  const instance: Instance = {
    name: `i${world.births}`,
    skewMs: skew,
    alive: true,
    policy,
    release,
    reconciles,
    get deps() {
      return deps;
    },
  };
  const store = createStore(world, instance, observer);
  const deps: RoundsContext = {
    store,
    cluster: createCluster(world, instance),
    now: () => new Date(world.nowMs + skew),
    log: () => undefined,
    stateUri: { bucket: 'state', name: '' },
    allowed: { namespaces: [NAMESPACE], images: [IMAGE], buckets: ['uploads', 'out'] },
    get defaults() {
      return { namespace: NAMESPACE, releaseName: instance.release };
    },
    get values() {
      return valuesOf(instance.policy, world.config.queued);
    },
    ledgers: createLedgerStore(store, { bucket: 'state', name: '' }),
    coalescer: createCoalescer<AdvanceResult>(),
  };
  return instance;
};
