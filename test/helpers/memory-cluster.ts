import type { CoreV1Event, V1Job, V1JobCondition, V1Pod } from '@kubernetes/client-node';
import type { Cluster } from '../../src/cluster/port.ts';
import { DeadlineError, UpstreamError } from '../../src/errors.ts';
import { matchesSelector } from './label-selector.ts';

export interface MemoryClusterOptions {
  readonly now: () => Date;
  /** Whether a created Job gets a Pending pod at once, as the Job controller would make one. Default: true. */
  readonly pods?: boolean;
}

export interface JobEnd {
  readonly reason?: string;
  readonly message?: string;
}

/** A {@link Cluster} in memory, and what controllers, kubelets and people do to it behind the product's back. */
export interface MemoryCluster extends Cluster {
  /** Every Job, oldest first. */
  jobs(): readonly V1Job[];
  pods(): readonly V1Pod[];
  /** Condition Complete; its pods end as Succeeded. */
  completeJob(namespace: string, name: string): void;
  /** Condition Failed; its pods end as Failed. */
  failJob(namespace: string, name: string, end?: JobEnd): void;
  /** The Job object goes: deleted by somebody, or its TTL. `keepPods`: its pods live on as orphans. */
  removeJob(namespace: string, name: string, options?: { readonly keepPods?: boolean }): void;
  /** Adds or replaces a pod (by namespace and name). */
  setPod(pod: V1Pod): void;
  /** Somebody, or Kueue, unsuspends the Job: it gets its pod. */
  resumeJob(namespace: string, name: string): void;
  /** Pending -> Running, for every pod of the Job. */
  runPods(namespace: string, job: string): void;
  removePod(namespace: string, name: string): void;
  setSecret(namespace: string, name: string, keys: readonly string[]): void;
  removeSecret(namespace: string, name: string): void;
  addEvent(event: CoreV1Event): void;
  setLog(namespace: string, pod: string, container: string, text: string): void;
}

const DNS_LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const LABEL_VALUE = /^([A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?)?$/;
const JOB_NAME = 'batch.kubernetes.io/job-name';
const JOB_UID = 'batch.kubernetes.io/controller-uid';

// Nobody may change what the cluster holds by changing what it was told. (structuredClone does the same at ten times the cost.)
const copyOf = <T>(value: T): T => {
  if (value instanceof Date) return new Date(value) as T;
  if (Array.isArray(value)) return value.map((each: unknown) => copyOf(each)) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, copyOf(each)])) as T;
};

const key = (namespace = '', name = ''): string => `${namespace}/${name}`;

// The API server refuses these with 422; a taskId that found its way into a name unhashed must fail a test here too.
const checkJob = (job: V1Job): void => {
  const { name = '', labels = {} } = job.metadata ?? {};
  if (!DNS_LABEL.test(name)) throw new UpstreamError(`create Job "${name}": 422, metadata.name: Invalid value`);
  const podLabels = job.spec?.template.metadata?.labels ?? {};
  for (const [label, value] of [...Object.entries(labels), ...Object.entries(podLabels)]) {
    if (!LABEL_VALUE.test(value))
      throw new UpstreamError(`create Job "${name}": 422, label ${label}: Invalid value: "${value}"`);
  }
};

const checkSignal = (signal: AbortSignal | undefined, what: string): void => {
  if (signal?.aborted === true) throw new DeadlineError(`${what}: the deadline had passed before the call`);
};

const podOf = (job: V1Job, now: Date): V1Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: `${job.metadata?.name}-pod`,
    namespace: job.metadata?.namespace ?? '',
    creationTimestamp: now,
    labels: {
      ...job.spec?.template.metadata?.labels,
      [JOB_NAME]: job.metadata?.name ?? '',
      [JOB_UID]: job.metadata?.uid ?? '',
    },
    ownerReferences: [
      {
        apiVersion: 'batch/v1',
        kind: 'Job',
        name: job.metadata?.name ?? '',
        uid: job.metadata?.uid ?? '',
        controller: true,
      },
    ],
  },
  ...(job.spec?.template.spec !== undefined && { spec: job.spec.template.spec }),
  status: { phase: 'Pending' },
});

/** An empty cluster; every namespace exists. Each method takes effect at once, when it is called. */
const LOG_TIME = '2026-11-22T02:00:';

export const createMemoryCluster = ({ now, pods: makesPods = true }: MemoryClusterOptions): MemoryCluster => {
  const jobs = new Map<string, V1Job>();
  const pods = new Map<string, V1Pod>();
  const secrets = new Map<string, readonly string[]>();
  const events: CoreV1Event[] = [];
  const logs = new Map<string, string>();
  let uids = 0;

  const jobOf = (namespace: string, name: string): V1Job => {
    const job = jobs.get(key(namespace, name));
    if (job === undefined) throw new Error(`no Job ${namespace}/${name} in this cluster`);
    return job;
  };
  const podsOf = (job: V1Job): readonly V1Pod[] =>
    [...pods.values()].filter((pod) => pod.metadata?.labels?.[JOB_UID] === job.metadata?.uid);
  const removePods = (job: V1Job): void => {
    for (const pod of podsOf(job)) pods.delete(key(pod.metadata?.namespace, pod.metadata?.name));
  };
  const setPhase = (job: V1Job, phase: string): void => {
    for (const pod of podsOf(job)) pod.status = Object.assign({}, pod.status, { phase });
  };
  const end = (job: V1Job, condition: V1JobCondition, phase: string, counts: V1Job['status']): void => {
    setPhase(job, phase);
    const conditions = [...(job.status?.conditions ?? []), Object.assign({ lastTransitionTime: now() }, condition)];
    job.status = Object.assign({}, job.status, counts, { active: 0, conditions });
  };

  const startJob = (job: V1Job): void => {
    if (!makesPods) return;
    const pod = podOf(job, now());
    pods.set(key(pod.metadata?.namespace, pod.metadata?.name), pod);
    job.status = { active: 1, startTime: now() };
  };

  const createJob: Cluster['createJob'] = async (job, { signal, dryRun = false } = {}) => {
    const { namespace, name } = job.metadata ?? {};
    checkSignal(signal, `create Job ${name}`);
    checkJob(job);
    if (jobs.has(key(namespace, name))) return 'exists';
    const created = copyOf(job);
    uids += 1;
    created.metadata = Object.assign({}, created.metadata, { uid: `uid-${uids}`, creationTimestamp: now() });
    created.status = {};
    if (dryRun) return created;
    jobs.set(key(namespace, name), created);
    if (job.spec?.suspend !== true) startJob(created);
    return copyOf(created);
  };

  return {
    createJob,
    getJob: async (namespace, name, { signal } = {}) => {
      checkSignal(signal, `get Job ${name}`);
      return copyOf(jobs.get(key(namespace, name)) ?? null);
    },
    listJobs: async (namespace, labelSelector, { signal } = {}) => {
      checkSignal(signal, 'list Jobs');
      const found = [...jobs.values()].filter(
        (job) => job.metadata?.namespace === namespace && matchesSelector(labelSelector, job.metadata.labels),
      );
      return copyOf(found);
    },
    deleteJob: async (namespace, name, { signal, uid } = {}) => {
      checkSignal(signal, `delete Job ${name}`);
      const job = jobs.get(key(namespace, name));
      if (job === undefined || (uid !== undefined && job.metadata?.uid !== uid)) return 'absent';
      removePods(job);
      jobs.delete(key(namespace, name));
      return 'deleted';
    },
    suspendJob: async (namespace, name, { signal } = {}) => {
      checkSignal(signal, `suspend Job ${name}`);
      const job = jobs.get(key(namespace, name));
      if (job === undefined) return 'absent';
      const ended = job.status?.conditions?.some(({ type }) => type === 'Complete' || type === 'Failed') === true;
      if (!ended) removePods(job);
      if (job.spec !== undefined) job.spec.suspend = true;
      if (!ended) end(job, { type: 'Suspended', status: 'True', reason: 'JobSuspended' }, 'Failed', {});
      return 'suspended';
    },
    listPods: async (namespace, labelSelector, { signal } = {}) => {
      checkSignal(signal, 'list Pods');
      const found = [...pods.values()].filter(
        (pod) => pod.metadata?.namespace === namespace && matchesSelector(labelSelector, pod.metadata.labels),
      );
      return copyOf(found);
    },
    listEvents: async (namespace, involved, { signal } = {}) => {
      checkSignal(signal, 'list Events');
      return events.filter(
        ({ involvedObject }) =>
          involvedObject.namespace === namespace &&
          involvedObject.kind === involved.kind &&
          involvedObject.name === involved.name &&
          (involved.uid === undefined || involvedObject.uid === involved.uid),
      );
    },
    podLog: async (namespace, pod, { signal, container, tailLines, timestamps }) => {
      checkSignal(signal, `log of ${pod}`);
      const text = logs.get(`${key(namespace, pod)}/${container}`);
      // Two lines in each second.
      const lines = text
        ?.split('\n')
        .map((line, i) =>
          timestamps !== true || line === '' ? line : `${LOG_TIME}${String(i >> 1).padStart(2, '0')}Z ${line}`,
        );
      return lines?.slice(-tailLines).join('\n') ?? null;
    },
    secretKeys: async (namespace, name, { signal } = {}) => {
      checkSignal(signal, `get Secret ${name}`);
      return secrets.get(key(namespace, name)) ?? null;
    },

    jobs: () => [...jobs.values()],
    pods: () => [...pods.values()],
    completeJob: (namespace, name) =>
      end(jobOf(namespace, name), { type: 'Complete', status: 'True', reason: 'CompletionsReached' }, 'Succeeded', {
        succeeded: 1,
        completionTime: now(),
      }),
    failJob: (
      namespace,
      name,
      { reason = 'BackoffLimitExceeded', message = 'Job has reached the specified backoff limit' } = {},
    ) => end(jobOf(namespace, name), { type: 'Failed', status: 'True', reason, message }, 'Failed', { failed: 1 }),
    removeJob: (namespace, name, { keepPods = false } = {}) => {
      const job = jobOf(namespace, name);
      if (!keepPods) removePods(job);
      jobs.delete(key(namespace, name));
    },
    setPod: (pod) => void pods.set(key(pod.metadata?.namespace, pod.metadata?.name), copyOf(pod)),
    resumeJob: (namespace, name) => {
      const job = jobOf(namespace, name);
      if (job.spec?.suspend !== true) return;
      job.spec.suspend = false;
      startJob(job);
    },
    runPods: (namespace, job) => setPhase(jobOf(namespace, job), 'Running'),
    removePod: (namespace, name) => void pods.delete(key(namespace, name)),
    setSecret: (namespace, name, keys) => void secrets.set(key(namespace, name), keys),
    removeSecret: (namespace, name) => void secrets.delete(key(namespace, name)),
    addEvent: (event) => void events.push(event),
    setLog: (namespace, pod, container, text) => void logs.set(`${key(namespace, pod)}/${container}`, text),
  };
};
