import { buildContainerStatus } from './container-status.ts';
import type { ContainerView } from './container-status.ts';
import { HOST_IP } from './downward.ts';
import { formatTime } from './types.ts';
import type { Pod, PodCondition, PodStatus } from './types.ts';

/** The early end of a pod, or its end because of the node. */
export interface PodEnd {
  readonly phase?: 'Failed';
  readonly reason?: string;
  readonly message?: string;
  /** The pod did not cause its end: a Job's podFailurePolicy may ignore it. */
  readonly disruption?: string;
}

export interface PodStatusInput {
  readonly pod: Pod;
  readonly init: readonly ContainerView[];
  readonly main: readonly ContainerView[];
  /** The volumes are ready and containers may start. */
  readonly sandbox: boolean;
  readonly podIP: string;
  readonly startedAtMs: number;
  readonly nowMs: number;
  /** Set once no container runs and none will run again. */
  readonly end: PodEnd | null;
  /** The conditions written last, or those found. */
  readonly previous: readonly PodCondition[];
}

type Phase = 'Pending' | 'Running' | 'Succeeded' | 'Failed';

type Verdict = Pick<PodCondition, 'status' | 'reason' | 'message'>;

const TRUE: Verdict = { status: 'True' };

/** As the kubelet's getPhase: a container that waits to be restarted counts as stopped, not as waiting. */
export function computePhase({ pod, init, main, end }: Pick<PodStatusInput, 'pod' | 'init' | 'main' | 'end'>): Phase {
  if (end !== null) return end.phase ?? (main.every(exitedWell) && init.every(exitedWell) ? 'Succeeded' : 'Failed');
  const failedInit = init.some((view) => view.state.kind === 'terminated' && view.state.exitCode !== 0);
  if (failedInit && pod.spec.restartPolicy === 'Never') return 'Failed';
  if (!init.every(exitedWell)) return 'Pending';
  if (main.some(({ state, last }) => state.kind === 'waiting' && last === null)) return 'Pending';
  if (main.some(({ state }) => state.kind === 'running') || pod.spec.restartPolicy === 'Always') return 'Running';
  if (main.every(exitedWell)) return 'Succeeded';
  return pod.spec.restartPolicy === 'Never' ? 'Failed' : 'Running';
}

function exitedWell({ state }: ContainerView): boolean {
  return state.kind === 'terminated' && state.exitCode === 0;
}

/** The pod's status as the kubelet writes it. */
export function buildPodStatus(input: PodStatusInput): PodStatus {
  const { init, main, end, sandbox, podIP } = input;
  const phase = computePhase(input);
  return {
    phase,
    conditions: buildConditions(input, phase),
    hostIP: HOST_IP,
    hostIPs: [{ ip: HOST_IP }],
    ...(sandbox && { podIP, podIPs: [{ ip: podIP }] }),
    startTime: formatTime(input.startedAtMs),
    ...(init.length > 0 && { initContainerStatuses: init.map(buildContainerStatus) }),
    containerStatuses: main.map(buildContainerStatus),
    ...(end?.reason !== undefined && { reason: end.reason }),
    ...(end?.message !== undefined && { message: end.message }),
  };
}

function buildConditions(input: PodStatusInput, phase: Phase): PodCondition[] {
  const containers = containersReady(input, phase);
  const own: Readonly<Record<string, Verdict>> = {
    ...(input.end?.disruption !== undefined && {
      DisruptionTarget: { status: 'True', reason: 'TerminationByKubelet', message: input.end.disruption },
    }),
    PodReadyToStartContainers: { status: input.sandbox && input.end === null ? 'True' : 'False' },
    Initialized: initialized(input, phase),
    Ready: podReady(input, containers),
    ContainersReady: containers,
    PodScheduled: TRUE,
  };
  const foreign = (input.pod.status?.conditions ?? []).filter(({ type }) => !(type in own));
  const now = formatTime(input.nowMs);
  return [
    ...foreign,
    ...Object.entries(own).map(([type, verdict]): PodCondition => {
      const before = input.previous.find((item) => item.type === type);
      const since = before?.status === verdict.status ? before.lastTransitionTime : undefined;
      return { type, ...verdict, lastTransitionTime: since ?? now };
    }),
  ];
}

function containersReady({ main }: PodStatusInput, phase: Phase): Verdict {
  if (phase === 'Succeeded') return { status: 'False', reason: 'PodCompleted' };
  if (phase === 'Failed') return { status: 'False', reason: 'PodFailed' };
  const unready = main.filter(({ ready }) => !ready);
  if (unready.length === 0) return TRUE;
  return {
    status: 'False',
    reason: 'ContainersNotReady',
    message: `containers with unready status: ${names(unready)}`,
  };
}

function names(views: readonly ContainerView[]): string {
  return `[${views.map(({ name }) => name).join(' ')}]`;
}

function initialized({ init }: PodStatusInput, phase: Phase): Verdict {
  if (phase === 'Succeeded') return { status: 'True', reason: 'PodCompleted' };
  const incomplete = init.filter((view) => !exitedWell(view));
  if (incomplete.length === 0) return TRUE;
  return {
    status: 'False',
    reason: 'ContainersNotInitialized',
    message: `containers with incomplete status: ${names(incomplete)}`,
  };
}

function podReady(input: PodStatusInput, containers: Verdict): Verdict {
  const gates = (input.pod.spec.readinessGates ?? []).map(({ conditionType }) => conditionType);
  function held(type: string) {
    return input.pod.status?.conditions?.some((item) => item.type === type && item.status === 'True');
  }
  const missing = gates.filter((type) => !held(type));
  if (containers.status !== 'True' || missing.length === 0) return containers;
  const message = missing
    .map((type) => `corresponding condition of pod readiness gate "${type}" does not exist.`)
    .join(', ');
  return { status: 'False', reason: 'ReadinessGatesNotReady', message };
}
