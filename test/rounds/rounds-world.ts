import type { V1Job } from '@kubernetes/client-node';
import type { LogFields, Severity } from '../../src/log.ts';
import { createCoalescer } from '../../src/rounds/coalesce.ts';
import { createLedgerStore } from '../../src/rounds/ledger-store.ts';
import type { RoundPolicy } from '../../src/rounds/policy.ts';
import type { AdvanceResult, RoundsContext } from '../../src/rounds/task-context.ts';
import type { JsonObject } from '../../src/values/json.ts';
import { parseUploadPattern } from '../../src/values/object-pattern.ts';
import type { Values } from '../../src/values/parse-values.ts';
import { parseValues } from '../../src/values/parse-values.ts';
import type { ObjectStore } from '../../src/storage/port.ts';
import type { MemoryCluster } from '../helpers/memory-cluster.ts';
import { createMemoryCluster } from '../helpers/memory-cluster.ts';
import type { MemoryStore } from '../helpers/memory-store.ts';
import { createMemoryStore } from '../helpers/memory-store.ts';

const IMAGE = 'docai/flea-aggregator';
export const NAMESPACE = 'ns';
export const START = Date.UTC(2026, 0, 1, 12);

export const policyOf = (change: Partial<RoundPolicy> = {}): RoundPolicy => ({
  uploads: parseUploadPattern('gs://uploads/tasksJobs/{taskId}/{jobId}.zip'),
  taskIdPrefix: '',
  outputPath: 'gs://out/{taskId}/round-{round}/attempt-{attempt}',
  reportGoal: 3,
  minReports: 2,
  roundTimeoutSec: 3600,
  quietPeriodSec: 0,
  maxReports: 4,
  maxAttempts: 2,
  retryBackoffSec: 30,
  lateUpdates: 'carry',
  settledWindowSec: 604_800,
  ...change,
});

export const SECRET = 'sacred';

/** Values with these policies, and an aggregator whose Job mounts {@link SECRET}. */
export const valuesOf = (policies: readonly RoundPolicy[], aggregator: JsonObject = {}): Values => ({
  ...parseValues({
    aggregator: {
      repository: IMAGE,
      tag: '1.0',
      aggregationType: 'cma',
      serviceAccount: { secret: SECRET, key: 'sacred.json', mountPath: '/etc/sacred' },
      ...aggregator,
    },
  }),
  rounds: policies.map((policy) => ({ ...policy, uploads: policy.uploads.text })),
});

/** The value of an environment variable of the aggregator. */
export const envOf = (job: V1Job | undefined, name: string): string =>
  job?.spec?.template.spec?.containers[0]?.env?.find((each) => each.name === name)?.value ?? '';

export interface LogLine {
  readonly severity: Severity;
  readonly message: string;
  readonly fields: LogFields;
}

/** The rounds over ports in memory, with devices, controllers and a clock that the test moves. */
export interface RoundsWorld {
  readonly deps: RoundsContext;
  readonly store: MemoryStore;
  readonly cluster: MemoryCluster;
  readonly lines: LogLine[];
  /** Changes the values, as all instances see them. */
  setPolicies(...policies: readonly RoundPolicy[]): void;
  /** Another instance: the same ports, its own caches. */
  instance(change?: Partial<RoundsContext>): RoundsContext;
  /** Milliseconds since {@link START}. */
  pass(ms: number): void;
  upload(taskId: string, ...jobIds: readonly string[]): void;
  /** The name of the Job that begins with `prefix` and a hyphen: names of rounds' Jobs end in a hash of the updates. */
  jobName(prefix: string): string;
  /** The Job with a name that begins with `job` writes its output and is complete. */
  complete(job: string): void;
  /** Parsed JSON of an object in the state bucket; `undefined` when it is not there. */
  state(name: string): unknown;
}

export const createRoundsWorld = (policy: Partial<RoundPolicy> = {}): RoundsWorld => {
  let nowMs = START;
  let policies: readonly RoundPolicy[] = [policyOf(policy)];
  const now = (): Date => new Date(nowMs);
  const store = createMemoryStore({ now });
  const cluster = createMemoryCluster({ now });
  const lines: LogLine[] = [];
  cluster.setSecret(NAMESPACE, SECRET, ['sacred.json']);
  const stateUri = { bucket: 'state', name: 'trigger' };

  const instance = (change: Partial<RoundsContext> = {}): RoundsContext => {
    const ports: ObjectStore = change.store ?? store;
    return {
      store,
      cluster,
      now,
      log: (severity, message, fields = {}) => void lines.push({ severity, message, fields }),
      stateUri,
      allowed: { namespaces: [NAMESPACE], images: [IMAGE], buckets: ['uploads', 'out'] },
      defaults: { namespace: NAMESPACE, releaseName: 'rel' },
      get values() {
        return valuesOf(policies);
      },
      ledgers: createLedgerStore(ports, stateUri),
      coalescer: createCoalescer<AdvanceResult>(),
      ...change,
    };
  };
  const jobName = (prefix: string): string =>
    cluster.jobs().findLast(({ metadata }) => metadata?.name?.startsWith(`${prefix}-`))?.metadata?.name ?? prefix;
  return {
    deps: instance(),
    store,
    cluster,
    lines,
    instance,
    setPolicies: (...next) => void (policies = next),
    pass: (ms) => void (nowMs += ms),
    upload: (taskId, ...jobIds) => {
      for (const jobId of jobIds)
        store.put({ bucket: 'uploads', name: `tasksJobs/${taskId}/${jobId}.zip` }, `zip ${jobId}`);
    },
    jobName,
    complete: (prefix) => {
      const job = jobName(prefix);
      const made = cluster.jobs().find(({ metadata }) => metadata?.name === job);
      const output = envOf(made, 'AGGREGATION_OUTPUT_PATH').slice('gs://out/'.length);
      store.put({ bucket: 'out', name: `${output}/checkpoint.index` }, 'average');
      cluster.completeJob(NAMESPACE, job);
    },
    state: (name) => {
      const found = store.peek({ bucket: 'state', name: `trigger/${name}` });
      return found === null ? undefined : JSON.parse(found.text);
    },
  };
};
