import type { V1Container, V1Job, V1JobSpec, V1PodSpec, V1Toleration } from '@kubernetes/client-node';
import type { Issue } from '../errors.ts';
import { InvalidRequestError } from '../errors.ts';
import { environmentProblem } from '../values/aggregator-text.ts';
import type { PodOverlay } from '../values/pod-fields.ts';
import { buildLabelValue } from './names.ts';
import { mergePodSpec } from './pod-overlay.ts';
import type { AggregationSpec, SecretKey } from './spec.ts';
import { imageOf, specHash } from './spec.ts';

export const CONTAINER_NAME = 'aggregator';
export const MANAGED_BY = 'tensorio-trigger';

/** Labels and annotations by which Jobs and their pods are found again. */
export const LABELS = {
  managedBy: 'app.kubernetes.io/managed-by',
  name: 'app.kubernetes.io/name',
  run: 'tensorio-trigger/run',
  schedule: 'tensorio-trigger/schedule',
  task: 'tensorio-trigger/task',
  round: 'tensorio-trigger/round',
} as const;

export const ANNOTATIONS = {
  aggregationId: 'tensorio-trigger/aggregation-id',
  specHash: 'tensorio-trigger/spec-hash',
  /** Unique for each call that creates a Job: the call whose answer was lost recognises its own Job. */
  createdBy: 'tensorio-trigger/created-by-request',
} as const;

const QUEUE_LABEL = 'kueue.x-k8s.io/queue-name';
const SAFE_TO_EVICT = 'cluster-autoscaler.kubernetes.io/safe-to-evict';

// https://cloud.google.com/kubernetes-engine/docs/concepts/spot-vms
const SPOT = 'cloud.google.com/gke-spot';
const SPOT_TOLERATION: V1Toleration = { key: SPOT, operator: 'Equal', value: 'true', effect: 'NoSchedule' };
// A spot node ends 25 s after its notice; the platform ignores a longer grace period.
const SPOT_GRACE_SECONDS = 15;

const LATER_TYPE_NAMES = { cma: 'CumulativeMovingAverage', wcma: 'WeightedCumulativeMovingAverage' } as const;

/** What a Job belongs to, besides its spec. */
export interface JobIdentity {
  readonly name: string;
  /** Set for a round's attempt only. */
  readonly task?: { readonly taskId: string; readonly round: number };
}

/** The Job while its fields are written. */
interface Draft {
  /** Of the Job and of its pods. */
  readonly labels: Record<string, string>;
  readonly annotations: Record<string, string>;
  /** Of the Job alone. */
  readonly jobLabels: Record<string, string>;
  readonly podLabels: Record<string, string>;
  readonly podAnnotations: Record<string, string>;
  readonly job: V1JobSpec;
  readonly pod: V1PodSpec;
  readonly container: V1Container;
  /** Merged over the finished pod. */
  overlay?: PodOverlay;
  /** Variables of the aggregator, each with the field that it comes from. */
  readonly env: Map<string, { readonly field: string; readonly value: string | SecretKey }>;
}

type FieldUse<K extends keyof AggregationSpec> =
  | 'not in the manifest'
  | ((draft: Draft, value: NonNullable<AggregationSpec[K]>, spec: AggregationSpec) => void);

/**
 * Where each field of a specification goes in the Job, applied in this order. A field that `AggregatorSchema` declares
 * and that is missing here does not compile.
 */
const FIELDS: { readonly [K in keyof AggregationSpec]-?: FieldUse<K> } = {
  namespace: 'not in the manifest', // buildJob sets it
  releaseName: 'not in the manifest', // a part of the Job's name
  aggregationId: (draft, id) => {
    draft.labels[LABELS.run] = buildLabelValue(id);
    draft.annotations[ANNOTATIONS.aggregationId] = id;
  },
  schedule: (draft, schedule) => {
    draft.labels[LABELS.schedule] = buildLabelValue(schedule);
  },
  repository: setImage,
  tag: setImage,
  digest: setImage,
  pullPolicy: (draft, policy) => {
    draft.container.imagePullPolicy = policy;
  },
  imagePullSecrets: (draft, names) => {
    draft.pod.imagePullSecrets = names.map((name) => ({ name }));
  },
  aggregationType: (draft, type, { resourcePath }) =>
    setEnv(draft, 'AGGREGATION_TYPE', 'aggregationType', resourcePath === undefined ? type : LATER_TYPE_NAMES[type]),
  checkpointsFilePath: (draft, path) => setEnv(draft, 'AGGREGATION_CKPTS_FILELIST', 'checkpointsFilePath', path),
  onOutputExists: 'not in the manifest', // decides whether the Job is created
  outputPath: (draft, path) => setEnv(draft, 'AGGREGATION_OUTPUT_PATH', 'outputPath', path),
  serviceAccount: (draft, { secret, key, mountPath }) => {
    const path = `${mountPath.replace(/\/+$/, '')}/${key}`;
    setEnv(draft, 'GOOGLE_APPLICATION_CREDENTIALS', 'serviceAccount.mountPath', path);
    draft.container.volumeMounts = [{ name: 'sacred', mountPath, readOnly: true }];
    draft.pod.volumes = [{ name: 'sacred', secret: { secretName: secret, items: [{ key, path: key }] } }];
  },
  resourcePath: (draft, path) => setEnv(draft, 'AGGREGATION_RESOURCE_PATH', 'resourcePath', path),
  outputResourcePath: (draft, path) => setEnv(draft, 'AGGREGATION_OUTPUT_RESOURCE_PATH', 'outputResourcePath', path),
  repositoryUrl: (draft, url) => setEnv(draft, 'REPOSITORY', 'repositoryUrl', url),
  modelsToken: (draft, key) => setEnv(draft, 'TENSORIO_MODELS_TOKEN', 'modelsToken', key),
  repositoryApiKey: (draft, key) => setEnv(draft, 'REPOSITORY_API_KEY', 'repositoryApiKey', key),
  exportType: (draft, type) => setEnv(draft, 'AGGREGATION_EXPORT_TYPE', 'exportType', type),
  resources: (draft, resources) => {
    draft.container.resources = { ...resources };
  },
  nodeSelector: (draft, labels) => {
    draft.pod.nodeSelector = { ...labels };
  },
  tolerations: (draft, tolerations) => {
    draft.pod.tolerations = [...tolerations];
  },
  affinity: (draft, affinity) => {
    draft.pod.affinity = affinity;
  },
  priorityClassName: (draft, name) => {
    draft.pod.priorityClassName = name;
  },
  serviceAccountName: (draft, name) => {
    draft.pod.serviceAccountName = name;
    // The token of Workload Identity.
    draft.pod.automountServiceAccountToken = true;
  },
  podSecurityContext: (draft, context) => Object.assign(draft.pod.securityContext ?? {}, context),
  securityContext: (draft, context) => Object.assign(draft.container.securityContext ?? {}, context),
  // Kueue admits a Job by resuming it, so the Job is created suspended. Without a queue nothing would resume it.
  // https://kueue.sigs.k8s.io/docs/tasks/run/jobs/
  queueName: (draft, queue) => {
    draft.jobLabels[QUEUE_LABEL] = queue;
    draft.job.suspend = true;
  },
  spot: (draft, spot) => {
    if (!spot) return;
    draft.pod.nodeSelector = { ...draft.pod.nodeSelector, [SPOT]: 'true' };
    draft.pod.tolerations = [...(draft.pod.tolerations ?? []), SPOT_TOLERATION];
    draft.pod.terminationGracePeriodSeconds = SPOT_GRACE_SECONDS;
    delete draft.podAnnotations[SAFE_TO_EVICT];
  },
  activeDeadlineSeconds: (draft, seconds) => {
    draft.job.activeDeadlineSeconds = seconds;
  },
  backoffLimit: (draft, limit) => {
    draft.job.backoffLimit = limit;
  },
  ttlSecondsAfterFinished: (draft, seconds) => {
    draft.job.ttlSecondsAfterFinished = seconds;
  },
  podLabels: (draft, labels) => Object.assign(draft.podLabels, labels),
  podAnnotations: (draft, annotations) => Object.assign(draft.podAnnotations, annotations),
  pod: (draft, overlay) => {
    draft.overlay = overlay;
  },
};

/**
 * The complete `batch/v1` Job of one aggregation. Pure: the same spec and identity give the same manifest. The Job
 * carries the spec's hash, by which a Job found under the name is recognised later. Throws InvalidRequestError naming
 * the field whose text the aggregator's start script would interpret, or an overlay that changes such a field.
 */
export function buildJob(spec: AggregationSpec, identity: JobIdentity): V1Job {
  const { job, issues } = draftJob(spec, identity);
  if (issues.length === 0) return job;
  throw new InvalidRequestError(issues.map(({ path, message }) => `${path}: ${message}`).join('; '), issues);
}

/** Why a Job cannot be built from `spec`, by field; empty when it can. */
export function specIssues(spec: AggregationSpec): readonly Issue[] {
  return draftJob(spec, { name: '' }).issues;
}

function draftJob(spec: AggregationSpec, identity: JobIdentity): { job: V1Job; issues: Issue[] } {
  const draft = emptyDraft(identity);
  draft.annotations[ANNOTATIONS.specHash] = specHash(spec);
  const values = new Map<string, unknown>(Object.entries(spec));
  for (const [field, use] of Object.entries<unknown>(FIELDS)) {
    const value = values.get(field);
    if (isUsed(use) && value !== undefined) use(draft, value, spec);
  }
  draft.container.env = [...draft.env].map(([name, { value }]) =>
    typeof value === 'string'
      ? { name, value }
      : { name, valueFrom: { secretKeyRef: { name: value.secret, key: value.key } } },
  );
  const pod = draft.overlay === undefined ? draft.pod : mergePodSpec(draft.pod, draft.overlay);
  const { labels, annotations } = draft;
  draft.job.template = {
    metadata: {
      labels: { ...draft.podLabels, ...labels },
      annotations: { ...draft.podAnnotations, ...annotations },
    },
    spec: pod,
  };
  const job = {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: identity.name,
      namespace: spec.namespace,
      labels: { ...labels, ...draft.jobLabels },
      annotations,
    },
    spec: draft.job,
  };
  return { job, issues: environmentIssues(draft, pod) };
}

function emptyDraft({ task }: JobIdentity): Draft {
  const container: V1Container = {
    name: CONTAINER_NAME,
    securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
    // The aggregator writes no termination message; its last log lines give the reason, and stay after the log is gone.
    terminationMessagePolicy: 'FallbackToLogsOnError',
  };
  return {
    labels: {
      [LABELS.managedBy]: MANAGED_BY,
      [LABELS.name]: 'tensorio-models-aggregator',
      ...(task !== undefined && {
        [LABELS.task]: buildLabelValue(task.taskId),
        [LABELS.round]: String(task.round),
      }),
    },
    annotations: {},
    jobLabels: {},
    podLabels: {},
    // Autopilot and the cluster autoscaler must not move a pod: its work would start again.
    podAnnotations: { [SAFE_TO_EVICT]: 'false' },
    job: {
      completions: 1,
      parallelism: 1,
      // An eviction, a drain or the end of a spot node is not a failure of the aggregation: it does not count towards
      // backoffLimit.
      podFailurePolicy: {
        rules: [{ action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] }],
      },
      // The next pod starts once the previous one has ended: two pods would write the same output. podFailurePolicy
      // allows no other value.
      podReplacementPolicy: 'Failed',
      template: {},
    },
    pod: {
      restartPolicy: 'Never',
      automountServiceAccountToken: false,
      // No user: the image decides. The later interface's image runs as root and writes into its working directory, which
      // root owns; as another user it ends with "Permission denied". Pod Security `restricted` needs a configured user.
      securityContext: { seccompProfile: { type: 'RuntimeDefault' } },
      containers: [container],
    },
    container,
    env: new Map(),
  };
}

/** The type of `FIELDS` pairs each field with its value; a loop over the keys loses that pair. */
function isUsed(use: unknown): use is (draft: Draft, value: unknown, spec: AggregationSpec) => void {
  return typeof use === 'function';
}

function setImage(draft: Draft, _part: string, spec: AggregationSpec): void {
  draft.container.image = imageOf(spec);
}

function setEnv(draft: Draft, name: string, field: string, value: string | SecretKey): void {
  draft.env.set(name, { field, value });
}

/** The environment as the container gets it: the overlay may add variables, and may not change ours. */
function environmentIssues(draft: Draft, pod: V1PodSpec): Issue[] {
  const env = pod.containers.find(({ name }) => name === CONTAINER_NAME)?.env ?? [];
  const changed = (draft.container.env ?? [])
    .filter((ours) => !env.some((entry) => JSON.stringify(entry) === JSON.stringify(ours)))
    .map(({ name }) => ({
      path: 'aggregator.pod',
      message: `changes ${name} of the container "${CONTAINER_NAME}"; set aggregator.${draft.env.get(name)?.field} instead`,
    }));
  const faulty = env.flatMap(({ name, value = '' }) => {
    const problem = environmentProblem(value);
    const field = draft.env.get(name)?.field;
    if (problem === null) return [];
    return field === undefined
      ? [{ path: 'aggregator.pod', message: `the variable ${name} ${problem}` }]
      : [{ path: `aggregator.${field}`, message: problem }];
  });
  return [...changed, ...faulty];
}
