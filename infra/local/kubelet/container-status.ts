import { formatTime } from './types.ts';
import type { Container, ContainerStatus } from './types.ts';

export interface Terminated {
  readonly kind: 'terminated';
  readonly exitCode: number;
  readonly reason: string;
  readonly message?: string;
  /** `null` if it never ran. */
  readonly startedAtMs: number | null;
  readonly finishedAtMs: number;
  readonly containerId: string;
}

export type ContainerState =
  | { readonly kind: 'waiting'; readonly reason: string; readonly message?: string }
  | { readonly kind: 'running'; readonly startedAtMs: number }
  | Terminated;

/** A container as the kubelet knows it. */
export interface ContainerView {
  readonly name: string;
  readonly image: string;
  readonly imageId: string;
  readonly containerId: string;
  readonly state: ContainerState;
  /** The end of the previous run. */
  readonly last: Terminated | null;
  readonly restartCount: number;
  readonly ready: boolean;
  readonly started: boolean;
}

const EPOCH_MS = 0;

export function buildContainerStatus(view: ContainerView): ContainerStatus {
  return {
    name: view.name,
    state: buildState(view.state),
    lastState: view.last === null ? {} : { terminated: buildTerminated(view.last) },
    ready: view.ready,
    restartCount: view.restartCount,
    image: view.image,
    imageID: view.imageId,
    ...(view.containerId !== '' && { containerID: view.containerId }),
    started: view.started,
  };
}

function buildState(state: ContainerState): NonNullable<ContainerStatus['state']> {
  if (state.kind === 'terminated') return { terminated: buildTerminated(state) };
  if (state.kind === 'running') return { running: { startedAt: formatTime(state.startedAtMs) } };
  return { waiting: { reason: state.reason, ...(state.message !== undefined && { message: state.message }) } };
}

function buildTerminated({ exitCode, reason, message, startedAtMs, finishedAtMs, containerId }: Terminated) {
  return {
    exitCode,
    reason,
    ...(message !== undefined && message !== '' && { message }),
    // The API has no "never": a container that did not start carries the epoch, as the container runtime reports it.
    startedAt: formatTime(startedAtMs ?? EPOCH_MS),
    finishedAt: formatTime(finishedAtMs),
    ...(containerId !== '' && { containerID: containerId }),
  };
}

/** The state of a container whose process an earlier kubelet lost: the last reported state, or an unknown end. */
export function buildLostView(container: Container, status: ContainerStatus | undefined, nowMs: number): ContainerView {
  const ended = status?.state?.terminated;
  const startedAt = status?.state?.running?.startedAt;
  const state: Terminated =
    ended === undefined
      ? {
          kind: 'terminated',
          exitCode: 137,
          reason: 'ContainerStatusUnknown',
          message: 'The container could not be located when the pod was terminated',
          startedAtMs: startedAt === undefined ? null : Date.parse(startedAt),
          finishedAtMs: nowMs,
          containerId: status?.containerID ?? '',
        }
      : parseTerminated(ended);
  const last = status?.lastState?.terminated;
  return {
    name: container.name,
    image: container.image ?? '',
    imageId: status?.imageID ?? '',
    containerId: state.containerId,
    state,
    last: last === undefined ? null : parseTerminated(last),
    restartCount: status?.restartCount ?? 0,
    ready: false,
    started: false,
  };
}

function parseTerminated(terminated: NonNullable<NonNullable<ContainerStatus['state']>['terminated']>): Terminated {
  return {
    kind: 'terminated',
    exitCode: terminated.exitCode,
    reason: terminated.reason ?? '',
    ...(terminated.message !== undefined && { message: terminated.message }),
    startedAtMs: terminated.startedAt === undefined ? null : Date.parse(terminated.startedAt),
    finishedAtMs: terminated.finishedAt === undefined ? EPOCH_MS : Date.parse(terminated.finishedAt),
    containerId: terminated.containerID ?? '',
  };
}
