import type { V1Job } from '@kubernetes/client-node';
import type { LogFields, Severity } from '../../src/log.ts';
import { createCoalescer } from '../../src/rounds/coalesce.ts';
import type { AttemptInput, RoundsDeps } from '../../src/rounds/deps.ts';
import { createLedgerStore } from '../../src/rounds/ledger-store.ts';
import { parseUploadPattern } from '../../src/values/object-pattern.ts';
import type { RoundPolicy } from '../../src/rounds/policy.ts';
import type { AdvanceResult } from '../../src/rounds/step.ts';
import type { ObjectStore } from '../../src/storage/port.ts';
import type { MemoryCluster } from '../helpers/memory-cluster.ts';
import { createMemoryCluster } from '../helpers/memory-cluster.ts';
import type { MemoryStore } from '../helpers/memory-store.ts';
import { createMemoryStore } from '../helpers/memory-store.ts';

export const NAMESPACE = 'ns';
export const START = Date.UTC(2026, 0, 1, 12);

export const policyOf = (change: Partial<RoundPolicy> = {}): RoundPolicy => ({
  uploads: parseUploadPattern('gs://uploads/tasksJobs/{taskId}/{jobId}.zip'),
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

export const buildTestJob = ({ taskId, round, attempt, listUri, outputPath }: AttemptInput): V1Job => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: {
    name: `rel-${taskId.toLowerCase()}-r${round}-a${attempt}`,
    namespace: NAMESPACE,
    labels: { task: taskId },
  },
  spec: {
    template: {
      metadata: { labels: { task: taskId } },
      spec: {
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

export interface LogLine {
  readonly severity: Severity;
  readonly message: string;
  readonly fields: LogFields;
}

/** The rounds over in-memory ports, and the hands of devices, controllers and a clock. */
export interface RoundsWorld {
  readonly deps: RoundsDeps;
  readonly store: MemoryStore;
  readonly cluster: MemoryCluster;
  readonly lines: LogLine[];
  /** Changes the values, as all instances see them. */
  setPolicies(...policies: readonly RoundPolicy[]): void;
  /** Another instance: the same ports, caches of its own. */
  instance(change?: Partial<RoundsDeps>): RoundsDeps;
  /** Milliseconds since {@link START}. */
  pass(ms: number): void;
  upload(taskId: string, ...jobIds: readonly string[]): void;
  /** The Job writes its output and is complete. */
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
  const stateUri = { bucket: 'state', name: 'trigger' };

  const instance = (change: Partial<RoundsDeps> = {}): RoundsDeps => {
    const ports: ObjectStore = change.store ?? store;
    return {
      store,
      cluster,
      now,
      log: (severity, message, fields = {}) => void lines.push({ severity, message, fields }),
      stateUri,
      policies: async () => policies,
      buildJob: buildTestJob,
      podSelector: (taskId) => `task=${taskId}`,
      explain: (_, pods) => `its pod is ${pods[0]?.status?.phase ?? 'absent'}.`,
      preflight: async () => undefined,
      ledgers: createLedgerStore(ports, stateUri),
      coalescer: createCoalescer<AdvanceResult>(),
      ...change,
    };
  };
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
    complete: (job) => {
      const env = cluster.jobs().find(({ metadata }) => metadata?.name === job)?.spec?.template.spec
        ?.containers[0]?.env;
      const output = env?.find(({ name }) => name === 'OUTPUT')?.value?.slice('gs://out/'.length) ?? '';
      store.put({ bucket: 'out', name: `${output}/checkpoint.index` }, 'average');
      cluster.completeJob(NAMESPACE, job);
    },
    state: (name) => {
      const found = store.peek({ bucket: 'state', name: `trigger/${name}` });
      return found === null ? undefined : JSON.parse(found.text);
    },
  };
};
