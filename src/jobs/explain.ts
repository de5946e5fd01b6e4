import type { V1ContainerState, V1Pod } from '@kubernetes/client-node';
import type { JobFacts } from './facts.ts';
import { containerStatuses, newestPod, trueCondition } from './facts.ts';

/** The cause of a problem, and sentences that describe it with its remedy. */
export interface Explanation {
  readonly cause: string;
  readonly why: string;
}

interface Row {
  readonly cause: string;
  /** The sentences, or `null` where the cause does not apply. */
  readonly explain: (facts: JobFacts) => string | null;
}

const LIMITS = 'Raise resources.limits.memory of the aggregator, or aggregate fewer updates at once.';

/** From the most to the least specific cause; the first that applies is the answer. */
const ROWS: readonly Row[] = [
  {
    cause: 'deadline-exceeded',
    explain: (facts) =>
      trueCondition(facts.job, 'Failed')?.reason === 'DeadlineExceeded'
        ? `It ran longer than activeDeadlineSeconds (${facts.job.spec?.activeDeadlineSeconds}) and was ended. Raise activeDeadlineSeconds, or aggregate fewer updates at once.`
        : null,
  },
  {
    cause: 'out-of-memory',
    explain: (facts) =>
      terminated(facts)?.reason === 'OOMKilled'
        ? `The aggregator ran out of memory and was killed (exit code ${terminated(facts)?.exitCode}). ${LIMITS}`
        : null,
  },
  {
    cause: 'evicted',
    explain: (facts) => {
      const pod = newestPod(facts);
      if (pod?.status?.reason !== 'Evicted' && pod?.status?.reason !== 'Preempting') return null;
      return `Its ${where(pod)} was evicted.${sentence(pod.status.message)} Set resources.requests so that the scheduler reserves what it needs.`;
    },
  },
  {
    cause: 'disrupted',
    explain: (facts) => {
      const disruption = conditionOfPod(facts, 'DisruptionTarget', 'True');
      return disruption === undefined
        ? null
        : `Its pod was disrupted (${disruption.reason}).${sentence(disruption.message)} A disruption does not use up backoffLimit: a new pod follows.`;
    },
  },
  {
    cause: 'crashed',
    explain: (facts) => {
      const end = terminated(facts);
      return end === undefined ? null : `The aggregator ended ${exitWords(end)}`;
    },
  },
  {
    cause: 'root-image',
    explain: (facts) => {
      const state = waiting(facts, ['CreateContainerConfigError']);
      return state?.message?.includes('runAsNonRoot') === true
        ? `The kubelet does not start its container:${sentence(state.message)} Set podSecurityContext.runAsUser to a user that the image can run as, or remove runAsNonRoot.`
        : null;
    },
  },
  {
    cause: 'missing-secret',
    explain: (facts) => {
      const state = waiting(facts, ['CreateContainerConfigError']);
      return state === undefined
        ? null
        : `Its container cannot be configured:${sentence(state.message)} Create what is missing (kubectl create secret); the pod starts then.`;
    },
  },
  {
    cause: 'image-pull',
    explain: (facts) => {
      const state = waiting(facts, [
        'ErrImagePull',
        'ImagePullBackOff',
        'InvalidImageName',
        'ErrImageNeverPull',
        'RegistryUnavailable',
        'ImageInspectError',
      ]);
      if (state === undefined) return null;
      const image = facts.job.spec?.template.spec?.containers[0]?.image;
      return `The image "${image}" cannot be pulled (${state.reason}).${sentence(state.message)} Check repository and tag, and imagePullSecrets for a private registry.`;
    },
  },
  {
    cause: 'container-start',
    explain: (facts) => {
      const state = waiting(facts, ['CreateContainerError', 'RunContainerError', 'CrashLoopBackOff']);
      return state === undefined ? null : `Its container does not start (${state.reason}).${sentence(state.message)}`;
    },
  },
  {
    cause: 'unschedulable',
    explain: (facts) => {
      const condition = conditionOfPod(facts, 'PodScheduled', 'False');
      if (condition?.reason !== 'Unschedulable') return null;
      return `No node can take its pod:${sentence(condition.message)} Check resources, nodeSelector, tolerations, or add nodes.`;
    },
  },
  {
    cause: 'mount',
    explain: (facts) => {
      const message =
        newestPod(facts)?.status?.phase === 'Pending'
          ? lastEvent(facts, ['FailedMount', 'FailedAttachVolume'])
          : undefined;
      return message === undefined ? null : `A volume of its pod cannot be mounted:${sentence(message)}`;
    },
  },
  {
    cause: 'pod-security',
    explain: (facts) => {
      const message = facts.pods.length === 0 ? lastEvent(facts, ['FailedCreate']) : undefined;
      // https://kubernetes.io/docs/concepts/security/pod-security-admission/
      const level = /violates PodSecurity "([a-z]+)(?::[^"]*)?"/.exec(message ?? '')?.[1];
      return level === undefined ? null : podSecuritySentence(facts, level, message);
    },
  },
  {
    cause: 'quota',
    explain: (facts) => {
      const message = facts.pods.length === 0 ? lastEvent(facts, ['FailedCreate']) : undefined;
      if (message === undefined) return null;
      const kind = message.includes('exceeded quota')
        ? 'the namespace’s quota is used up'
        : 'the API server refused it';
      return `Its pod cannot be created: ${kind}.${sentence(message)}`;
    },
  },
  {
    cause: 'suspended',
    explain: (facts) => {
      if (facts.job.spec?.suspend !== true) return null;
      const queue = facts.job.metadata?.labels?.['kueue.x-k8s.io/queue-name'];
      return queue === undefined
        ? 'Its Job is suspended.'
        : `Its Job waits in the Kueue queue "${queue}" to be admitted.`;
    },
  },
  {
    cause: 'failed',
    explain: (facts) => {
      const failed = trueCondition(facts.job, 'Failed');
      return failed === undefined ? null : `Its Job failed (${failed.reason}).${sentence(failed.message)}`;
    },
  },
];

export type LiveState = 'created' | 'pending' | 'running' | 'complete' | 'failed';

/** Why a Job does not progress or has failed; `null` while it progresses and when it is complete. */
export function explainJob(facts: JobFacts): Explanation | null {
  if (trueCondition(facts.job, 'Complete') !== undefined) return null;
  for (const { cause, explain } of ROWS) {
    const why = explain(facts);
    if (why !== null) return { cause, why };
  }
  return null;
}

/** A Job's state, as answers report it. */
export function liveState(facts: JobFacts): LiveState {
  if (trueCondition(facts.job, 'Complete') !== undefined) return 'complete';
  if (trueCondition(facts.job, 'Failed') !== undefined) return 'failed';
  const phase = newestPod(facts)?.status?.phase;
  if (phase === undefined) return 'created';
  return phase === 'Pending' ? 'pending' : 'running';
}

/** The state of a Job without a problem, in one sentence. */
export function plainSentence(facts: JobFacts): string {
  switch (liveState(facts)) {
    case 'created':
      return `Job ${nameOf(facts)} has no pod yet.`;
    case 'pending':
      return `Its ${where(newestPod(facts))} is being started.${earlier(facts)}`;
    case 'running':
      return `Its ${where(newestPod(facts))} is running.${earlier(facts)}`;
    case 'complete':
      return 'Its Job completed.';
    case 'failed':
      return 'Its Job failed.';
  }
}

function nameOf(facts: JobFacts): string {
  return `${facts.job.metadata?.namespace}/${facts.job.metadata?.name}`;
}

function where(pod: V1Pod | undefined): string {
  return `pod ${pod?.metadata?.name}`;
}

function podSecuritySentence({ job }: JobFacts, level: string, message: string | undefined): string {
  const namespace = job.metadata?.namespace ?? '';
  return `Its pod cannot be created: namespace ${namespace} enforces the Pod Security level "${level}".${sentence(message)} If the image can run as a user other than root, set podSecurityContext: {runAsNonRoot: true, runAsUser: 65532}; if it cannot, lower the level: kubectl label --overwrite namespace ${namespace} pod-security.kubernetes.io/enforce=baseline`;
}

/** The failure of the pod before the newest one, if there is one. */
function earlier(facts: JobFacts): string {
  const failure = failureOf(facts.pods.slice(0, -1));
  return failure === undefined ? '' : ` The one before it ended ${exitWords(failure)}`;
}

function failureOf(pods: readonly V1Pod[]): V1ContainerState['terminated'] {
  return pods
    .toReversed()
    .flatMap(containerStatuses)
    .map((status) => status.state?.terminated ?? status.lastState?.terminated)
    .find((state) => state !== undefined && state.exitCode !== 0);
}

/** The newest failure of a failed Job. While a Job runs, only its newest pod counts: an earlier failure is no longer the cause. */
function terminated(facts: JobFacts): V1ContainerState['terminated'] {
  return failureOf(trueCondition(facts.job, 'Failed') === undefined ? facts.pods.slice(-1) : facts.pods);
}

function exitWords({ exitCode, reason, message }: NonNullable<V1ContainerState['terminated']>): string {
  return `with exit code ${exitCode}${reason === undefined || reason === 'Error' ? '' : ` (${reason})`}.${lastLine(message)}`;
}

function lastLine(text: string | undefined): string {
  const line = (text ?? '').trim().split('\n').at(-1)?.trim() ?? '';
  return line === '' ? '' : ` Its last line: ${line.slice(0, 500)}`;
}

function waiting(facts: JobFacts, reasons: readonly string[]): V1ContainerState['waiting'] {
  return containerStatuses(newestPod(facts))
    .map((status) => status.state?.waiting)
    .find((state) => state?.reason !== undefined && reasons.includes(state.reason));
}

function sentence(text: string | undefined): string {
  const trimmed = (text ?? '').trim().replaceAll(/\s+/g, ' ');
  if (trimmed === '') return '';
  return /[.!?]$/.test(trimmed) ? ` ${trimmed}` : ` ${trimmed}.`;
}

function lastEvent(facts: JobFacts, reasons: readonly string[]): string | undefined {
  return facts.events.findLast((event) => event.reason !== undefined && reasons.includes(event.reason))?.message;
}

function conditionOfPod(facts: JobFacts, type: string, status: string) {
  return newestPod(facts)?.status?.conditions?.find(
    (condition) => condition.type === type && condition.status === status,
  );
}
