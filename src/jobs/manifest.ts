import type { V1EnvVar, V1Job, V1PodSpec, V1Toleration } from '@kubernetes/client-node';
import type { Issue } from '../errors.ts';
import { InvalidRequestError } from '../errors.ts';
import { environmentProblem } from '../values/aggregator-text.ts';
import { buildLabelValue } from './names.ts';
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
} as const;

// Kueue admits a Job by unsuspending it, so it must be born suspended; without a queue nobody would ever wake it.
// https://kueue.sigs.k8s.io/docs/tasks/run/jobs/
const QUEUE_LABEL = 'kueue.x-k8s.io/queue-name';

// https://cloud.google.com/kubernetes-engine/docs/concepts/spot-vms
const SPOT = 'cloud.google.com/gke-spot';
const SPOT_TOLERATION: V1Toleration = { key: SPOT, operator: 'Equal', value: 'true', effect: 'NoSchedule' };
// A spot node is given 25 s between notice and end; a longer grace is cut short by the platform anyway.
const SPOT_GRACE_SECONDS = 15;

const LATER_TYPE_NAMES = { cma: 'CumulativeMovingAverage', wcma: 'WeightedCumulativeMovingAverage' } as const;

/** What a Job belongs to, besides its spec. */
export interface JobIdentity {
  readonly name: string;
  /** Of a round's attempt. */
  readonly task?: { readonly taskId: string; readonly round: number };
}

/**
 * The complete `batch/v1` Job of one aggregation. Pure: the same spec and identity give the same manifest. It carries
 * the spec's hash, by which a Job found under the name later is recognised as this one.
 */
export function buildJob(spec: AggregationSpec, identity: JobIdentity): V1Job {
  const issues = environmentIssues(spec);
  if (issues.length > 0)
    throw new InvalidRequestError(issues.map(({ path, message }) => `${path}: ${message}`).join('; '), issues);
  const labels = {
    [LABELS.managedBy]: MANAGED_BY,
    [LABELS.name]: 'tensorio-models-aggregator',
    [LABELS.run]: buildLabelValue(spec.aggregationId),
    ...(spec.schedule !== undefined && { [LABELS.schedule]: buildLabelValue(spec.schedule) }),
    ...(identity.task !== undefined && {
      [LABELS.task]: buildLabelValue(identity.task.taskId),
      [LABELS.round]: String(identity.task.round),
    }),
  };
  const annotations = { [ANNOTATIONS.aggregationId]: spec.aggregationId, [ANNOTATIONS.specHash]: specHash(spec) };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: identity.name,
      namespace: spec.namespace,
      labels: { ...labels, ...(spec.queueName !== undefined && { [QUEUE_LABEL]: spec.queueName }) },
      annotations,
    },
    spec: {
      completions: 1,
      parallelism: 1,
      backoffLimit: spec.backoffLimit,
      activeDeadlineSeconds: spec.activeDeadlineSeconds,
      ttlSecondsAfterFinished: spec.ttlSecondsAfterFinished,
      ...(spec.queueName !== undefined && { suspend: true }),
      // An eviction, a drain or a spot node's end is not the aggregation's failure: it does not use up the backoff limit.
      podFailurePolicy: {
        rules: [{ action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] }],
      },
      // A new pod only once the old one has ended: two would write the same output. The only value allowed beside
      // podFailurePolicy.
      podReplacementPolicy: 'Failed',
      template: {
        metadata: {
          labels: { ...spec.podLabels, ...labels },
          annotations: {
            // Autopilot and the cluster autoscaler must not move a pod whose work would begin anew.
            ...(spec.spot !== true && { 'cluster-autoscaler.kubernetes.io/safe-to-evict': 'false' }),
            ...spec.podAnnotations,
            ...annotations,
          },
        },
        spec: buildPodSpec(spec),
      },
    },
  };
}

/** What of a finished specification cannot become an environment value of the aggregator, by field. */
export function environmentIssues(spec: AggregationSpec): Issue[] {
  const fields = {
    checkpointsFilePath: spec.checkpointsFilePath,
    outputPath: spec.outputPath,
    resourcePath: spec.resourcePath,
    outputResourcePath: spec.outputResourcePath,
    repositoryUrl: spec.repositoryUrl,
    'serviceAccount.mountPath': spec.serviceAccount?.mountPath,
  };
  return Object.entries(fields).flatMap(([field, text]) => {
    const problem = text === undefined ? null : environmentProblem(text);
    return problem === null ? [] : [{ path: `aggregator.${field}`, message: problem }];
  });
}

function buildPodSpec(spec: AggregationSpec): V1PodSpec {
  return {
    restartPolicy: 'Never',
    // A token is mounted only for a service account that was asked for (Workload Identity).
    automountServiceAccountToken: spec.serviceAccountName !== undefined,
    ...(spec.serviceAccountName !== undefined && { serviceAccountName: spec.serviceAccountName }),
    ...(spec.imagePullSecrets !== undefined && { imagePullSecrets: spec.imagePullSecrets.map((name) => ({ name })) }),
    // No user: the image decides. The later interface's image runs as root and writes into its working directory, which
    // root owns; as another user it ends with "Permission denied". Pod Security `restricted` needs a configured user.
    securityContext: { seccompProfile: { type: 'RuntimeDefault' }, ...spec.podSecurityContext },
    ...buildPlacement(spec),
    containers: [
      {
        name: CONTAINER_NAME,
        image: imageOf(spec),
        imagePullPolicy: spec.pullPolicy,
        env: buildEnv(spec),
        ...(spec.resources !== undefined && { resources: spec.resources }),
        securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] }, ...spec.securityContext },
        // The aggregator writes no termination message; its last log lines say why it ended, and outlive the log.
        terminationMessagePolicy: 'FallbackToLogsOnError',
        ...(spec.serviceAccount !== undefined && {
          volumeMounts: [{ name: 'sacred', mountPath: spec.serviceAccount.mountPath, readOnly: true }],
        }),
      },
    ],
    ...(spec.serviceAccount !== undefined && {
      volumes: [
        {
          name: 'sacred',
          secret: {
            secretName: spec.serviceAccount.secret,
            items: [{ key: spec.serviceAccount.key, path: spec.serviceAccount.key }],
          },
        },
      ],
    }),
  };
}

function buildPlacement(spec: AggregationSpec): Partial<V1PodSpec> {
  const tolerations = [...(spec.tolerations ?? []), ...(spec.spot === true ? [SPOT_TOLERATION] : [])];
  const nodeSelector = { ...spec.nodeSelector, ...(spec.spot === true && { [SPOT]: 'true' }) };
  return {
    ...(Object.keys(nodeSelector).length > 0 && { nodeSelector }),
    ...(tolerations.length > 0 && { tolerations }),
    ...(spec.affinity !== undefined && { affinity: spec.affinity }),
    ...(spec.priorityClassName !== undefined && { priorityClassName: spec.priorityClassName }),
    ...(spec.spot === true && { terminationGracePeriodSeconds: SPOT_GRACE_SECONDS }),
  };
}

function buildEnv(spec: AggregationSpec): V1EnvVar[] {
  return [
    {
      name: 'AGGREGATION_TYPE',
      value: spec.resourcePath === undefined ? spec.aggregationType : LATER_TYPE_NAMES[spec.aggregationType],
    },
    { name: 'AGGREGATION_CKPTS_FILELIST', value: spec.checkpointsFilePath },
    { name: 'AGGREGATION_OUTPUT_PATH', value: spec.outputPath },
    ...(spec.serviceAccount === undefined
      ? []
      : [{ name: 'GOOGLE_APPLICATION_CREDENTIALS', value: credentialsPath(spec.serviceAccount) }]),
    ...bundleEnv(spec),
  ];
}

function credentialsPath(serviceAccount: { mountPath: string; key: string }): string {
  return `${serviceAccount.mountPath.replace(/\/+$/, '')}/${serviceAccount.key}`;
}

function bundleEnv(spec: AggregationSpec): V1EnvVar[] {
  if (spec.resourcePath === undefined) return [];
  return [
    { name: 'AGGREGATION_RESOURCE_PATH', value: spec.resourcePath },
    { name: 'AGGREGATION_OUTPUT_RESOURCE_PATH', value: spec.outputResourcePath ?? '' },
    { name: 'REPOSITORY', value: spec.repositoryUrl ?? '' },
    ...(spec.modelsToken === undefined ? [] : [secretEnv('TENSORIO_MODELS_TOKEN', spec.modelsToken)]),
    ...(spec.repositoryApiKey === undefined ? [] : [secretEnv('REPOSITORY_API_KEY', spec.repositoryApiKey)]),
    { name: 'AGGREGATION_EXPORT_TYPE', value: spec.exportType ?? 'bundle' },
  ];
}

function secretEnv(name: string, ref: SecretKey): V1EnvVar {
  return {
    name,
    valueFrom: { secretKeyRef: { name: ref.secret, key: ref.key } },
  };
}
