import type { LaunchDeps } from '../../src/runs/finish.ts';
import { createCluster } from '../../src/cluster/kubernetes.ts';
import { createClusterAccess } from '../../src/cluster/access.ts';
import { createLog, type Log } from '../../src/log.ts';
import type { RoundsContext } from '../../src/rounds/task-context.ts';
import type { JsonObject } from '../../src/values/json.ts';
import { parseValues, type Values } from '../../src/values/parse-values.ts';
import type { MemoryStore } from '../helpers/memory-store.ts';
import { createMemoryStore } from '../helpers/memory-store.ts';
import { createRoundsDeps } from '../helpers/rounds-deps.ts';
import { newId, type Workplace } from './work.ts';

export const SECRET = 'sacred';

/** Rounds of one update each, uploaded lists, and an aggregator whose Job mounts {@link SECRET}. */
const buildDocument = (queueName: string | undefined): JsonObject => ({
  aggregator: {
    repository: 'docai/flea-aggregator',
    tag: '1.0',
    aggregationType: 'cma',
    serviceAccount: { secret: SECRET, key: 'sacred.json', mountPath: '/etc/sacred' },
    ...(queueName !== undefined && { queueName }),
  },
  rounds: [
    {
      uploads: 'gs://uploads/tasksJobs/{taskId}/{jobId}.zip',
      outputPath: 'gs://models/{taskId}/round-{round}/attempt-{attempt}',
      reportGoal: 1,
      retryBackoffSec: 0,
      maxAttempts: 1,
    },
  ],
  lists: [{ object: 'gs://uploads/lists/{taskId}.txt', outputPath: 'gs://models/lists/{taskId}' }],
});

export interface FunctionDeps {
  readonly store: MemoryStore;
  readonly launch: LaunchDeps;
  readonly rounds: RoundsContext;
  readonly values: Values;
  readonly defaults: { readonly namespace: string; readonly releaseName: string };
  readonly log: Log;
  /** Log lines until now. */
  readonly lines: readonly Record<string, unknown>[];
}

export interface FunctionOptions {
  /** Kubeconfig of the user. */
  readonly kubeconfig: string;
  readonly namespace: string;
  readonly releaseName: string;
  /** The store of another function, to share its state. */
  readonly store?: MemoryStore;
  /** A Kueue queue: its Jobs are created suspended. */
  readonly queueName?: string;
}

/** The dependencies that `wire.ts` builds, with a bucket in memory and the real cluster adapter. */
export const createFunctionDeps = (options: FunctionOptions): FunctionDeps => {
  const { kubeconfig, namespace, releaseName, queueName } = options;
  const now = (): Date => new Date();
  const store = options.store ?? createMemoryStore({ now });
  const lines: Record<string, unknown>[] = [];
  const log = createLog((line) => void lines.push(JSON.parse(line)));
  const values = parseValues(buildDocument(queueName));
  const defaults = { namespace, releaseName };
  const launch: LaunchDeps = {
    store,
    cluster: createCluster(createClusterAccess({ kind: 'kubeconfig', path: kubeconfig })),
    stateUri: { bucket: 'state', name: '' },
    allowed: { namespaces: [namespace], images: ['docai/flea-aggregator'], buckets: ['uploads', 'models'] },
    now,
    log,
    wait: async (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  };
  const rounds = { ...createRoundsDeps(launch, log, defaults), values };
  return { store, launch, rounds, values, defaults, log, lines };
};

/** The dependencies for the user of the workplace, with unique names of Jobs. */
export const depsOf = (place: Workplace, over: { readonly queueName?: string } = {}): FunctionDeps =>
  createFunctionDeps({ ...place, releaseName: newId('r'), ...over });

/** The uploaded list of these functions. */
export const LIST = { bucket: 'uploads', name: 'lists/all.txt' };

/** Uploads an update of a task, as a device does. */
export const upload = (deps: FunctionDeps, taskId: string) =>
  deps.store.put({ bucket: 'uploads', name: `tasksJobs/${taskId}/${newId('job-')}.zip` }, 'update');
