import type { V1Pod } from '@kubernetes/client-node';
import type { JobFacts } from './facts.ts';
import { exitWords, failureNow, failureOf } from './container-end.ts';
import { CONTAINER_NAME } from './manifest.ts';
import { containerStatuses, newestPod, trueCondition } from './facts.ts';

/** The cause of a problem, and sentences that describe it with its remedy. */
export interface Explanation {
  readonly cause: string;
  readonly why: string;
  /** An earlier explanation of the same Job says more. */
  readonly isVague: boolean;
  /** Waiting does not help: the image, the Secret or the key does not exist. */
  readonly isPermanent: boolean;
}

interface Row {
  readonly cause: string;
  /** The sentences, or `null` where the cause does not apply. */
  readonly explain: (facts: JobFacts) => string | null;
  readonly isPermanent?: (facts: JobFacts) => boolean;
}

const PULL_REASONS = [
  'ErrImagePull',
  'ImagePullBackOff',
  'InvalidImageName',
  'ErrImageNeverPull',
  'RegistryUnavailable',
  'ImageInspectError',
];
const MOUNT_EVENTS = ['FailedMount', 'FailedAttachVolume'];
// https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/FAQ.md
const SCALING = ['TriggeredScaleUp', 'NotTriggerScaleUp', 'FailedScaleUp'];
/** The messages of kubelets and registries about an image, a Secret or a key that does not exist. */
const NOT_FOUND = /not found|non-existent|couldn't find key|manifest unknown|does not exist/i;

/** The remedy for a container that needs more memory. */
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
    explain: (facts) => {
      const end = failureNow(facts);
      return end?.reason === 'OOMKilled'
        ? `${subject(end.container)} ran out of memory and was killed (exit code ${end.exitCode}). ${LIMITS}`
        : null;
    },
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
    cause: 'node-lost',
    explain: (facts) => {
      const pod = newestPod(facts);
      const lost = conditionOfPod(facts, 'DisruptionTarget', 'True')?.reason === 'DeletionByTaintManager';
      const isAlive = pod?.status?.phase === 'Running' || pod?.status?.phase === 'Unknown';
      if (pod === undefined || !isAlive || !(lost || pod.status?.reason === 'NodeLost')) return null;
      const { name, namespace } = pod.metadata ?? {};
      return `Its ${where(pod)} is on node ${pod.spec?.nodeName}, which does not respond. The next pod starts when this one is known to have ended. If the node is gone, delete its Node object, or the pod: kubectl delete pod ${name} --namespace ${namespace} --force`;
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
      const end = failureNow(facts);
      return end === undefined ? null : `${subject(end.container)} ended ${exitWords(end)}`;
    },
  },
  {
    // Such as OutOfcpu, NodeAffinity, UnexpectedAdmissionError or NodeShutdown: the pod ends before its containers start.
    cause: 'rejected',
    explain: (facts) => {
      const pod = newestPod(facts);
      const { phase, reason, message } = pod?.status ?? {};
      return phase === 'Failed' && reason !== undefined
        ? `The kubelet of node ${pod?.spec?.nodeName} rejected or ended its ${where(pod)} (${reason}).${sentence(message)}`
        : null;
    },
  },
  {
    cause: 'root-image',
    explain: (facts) => {
      const state = waiting(facts, ['CreateContainerConfigError']);
      return state?.message?.includes('runAsNonRoot') === true
        ? `The kubelet does not start ${object(state)}:${sentence(state.message)} Set podSecurityContext.runAsUser to a user that the image can run as, or remove runAsNonRoot.`
        : null;
    },
  },
  {
    cause: 'missing-secret',
    isPermanent: (facts) => NOT_FOUND.test(waiting(facts, ['CreateContainerConfigError'])?.message ?? ''),
    explain: (facts) => {
      const state = waiting(facts, ['CreateContainerConfigError']);
      return state === undefined
        ? null
        : `${capital(object(state))} cannot be configured:${sentence(state.message)} Create what is missing (kubectl create secret).`;
    },
  },
  {
    cause: 'image-pull',
    isPermanent: (facts) => {
      const state = waiting(facts, PULL_REASONS);
      // `Failed` events keep the registry's answer while the status says "Back-off pulling image".
      const texts = [state?.message, lastEvent(facts, ['Failed'])].join(' ');
      return state?.reason === 'InvalidImageName' || state?.reason === 'ErrImageNeverPull' || NOT_FOUND.test(texts);
    },
    explain: (facts) => {
      const state = waiting(facts, PULL_REASONS);
      if (state === undefined) return null;
      const image = imageOf(facts, state.container) ?? state.image;
      const of = state.container === CONTAINER_NAME ? '' : ` of ${object(state)}`;
      return `The image "${image}"${of} cannot be pulled (${state.reason}).${sentence(state.message)} Check repository and tag, and imagePullSecrets for a private registry.`;
    },
  },
  {
    cause: 'container-start',
    explain: (facts) => {
      const state = waiting(facts, ['CreateContainerError', 'RunContainerError', 'CrashLoopBackOff']);
      return state === undefined
        ? null
        : `${capital(object(state))} does not start (${state.reason}).${sentence(state.message)}`;
    },
  },
  {
    cause: 'other-container',
    explain: (facts) => {
      const pod = newestPod(facts);
      const statuses = pod?.status?.containerStatuses ?? [];
      const ours = statuses.find(({ name }) => name === CONTAINER_NAME)?.state?.terminated;
      const others = statuses.filter(({ name, state }) => name !== CONTAINER_NAME && state?.running !== undefined);
      if (ours === undefined || others.length === 0 || pod?.status?.phase !== 'Running') return null;
      const names = others.map(({ name }) => `"${name}"`).join(', ');
      return `The aggregator ended with exit code ${ours.exitCode}, and its ${where(pod)} waits for the container ${names} to end. Write a container that does not end by itself as an init container with restartPolicy: Always.`;
    },
  },
  {
    cause: 'scale-up',
    explain: (facts) => {
      const isWaiting = conditionOfPod(facts, 'PodScheduled', 'False')?.reason === 'Unschedulable';
      const last = facts.events.findLast(({ reason = '' }) => SCALING.includes(reason));
      return isWaiting && last?.reason === 'TriggeredScaleUp'
        ? `The cluster adds a node for its pod.${sentence(last.message)} This takes some minutes.`
        : null;
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
    isPermanent: (facts) => NOT_FOUND.test(lastEvent(facts, MOUNT_EVENTS) ?? ''),
    explain: (facts) => {
      const message = newestPod(facts)?.status?.phase === 'Pending' ? lastEvent(facts, MOUNT_EVENTS) : undefined;
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

/** Causes that do not say why: an earlier, more specific explanation of the same Job is better than these. */
const VAGUE: ReadonlySet<string> = new Set(['deadline-exceeded', 'disrupted', 'scale-up', 'suspended', 'failed']);

/** Why a Job does not progress or has failed; `null` while it progresses and when it is complete. */
export function explainJob(facts: JobFacts): Explanation | null {
  if (trueCondition(facts.job, 'Complete') !== undefined) return null;
  for (const { cause, explain, isPermanent } of ROWS) {
    const why = explain(facts);
    if (why !== null) return { cause, why, isVague: VAGUE.has(cause), isPermanent: isPermanent?.(facts) === true };
  }
  return null;
}

export type LiveState = 'created' | 'pending' | 'running' | 'complete' | 'failed';

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

function imageOf({ job }: JobFacts, container: string): string | undefined {
  const { initContainers = [], containers = [] } = job.spec?.template.spec ?? {};
  return [...initContainers, ...containers].find(({ name }) => name === container)?.image;
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

function subject(container: string): string {
  return container === CONTAINER_NAME ? 'The aggregator' : `The container "${container}"`;
}

function object({ container }: { readonly container: string }): string {
  return container === CONTAINER_NAME ? 'its container' : `its container "${container}"`;
}

function capital(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}

function waiting(facts: JobFacts, reasons: readonly string[]) {
  return containerStatuses(newestPod(facts))
    .map(({ name, image, state }) => {
      const { reason, message } = state?.waiting ?? {};
      return { reason, message, container: name, image };
    })
    .find(({ reason }) => reason !== undefined && reasons.includes(reason));
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
