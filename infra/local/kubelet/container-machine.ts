import type { CrashBackoff, Timings } from './backoff.ts';
import { createCrashBackoff } from './backoff.ts';
import type { ContainerState, ContainerView, Terminated } from './container-status.ts';
import type { LaunchPlan, Run } from './launch.ts';
import type { Container, ImageEntry, Images } from './types.ts';

export interface HealthControls {
  setStarted(): void;
  setReady(ready: boolean): void;
  /** The container failed a startup or liveness probe and is ended; its restartPolicy decides whether it starts again. */
  kill(message: string): void;
}

export interface ContainerDeps {
  /** The container as in the pod now: its image can be changed. */
  readonly container: () => Container;
  readonly images: Images;
  readonly timings: Timings;
  readonly initialReason: 'ContainerCreating' | 'PodInitializing';
  /** `name_namespace(uid)`, for messages. */
  readonly podFullName: string;
  /** Between SIGTERM and SIGKILL. */
  readonly graceMs: number;
  readonly prepare: (entry: ImageEntry, runNumber: number) => Promise<LaunchPlan>;
  readonly start: (plan: LaunchPlan) => Promise<Run>;
  /** Observes a started container. Returns a function that stops it. */
  readonly watchOver: (controls: HealthControls) => () => void;
  readonly emit: (type: 'Normal' | 'Warning', reason: string, message: string) => void;
  /** Something changed: the pod must be reconciled. */
  readonly wake: () => void;
}

export type Waiting = Extract<ContainerState, { kind: 'waiting' }>;

/** A second reason (ImagePullBackOff) that follows a first one (ErrImagePull) while the wait lasts. */
export interface Sequel {
  readonly atMs: number;
  readonly state: Waiting;
  readonly event: string;
}

/** The state of one container; changed in place. */
export interface Machine {
  state: ContainerState;
  last: Terminated | null;
  run: Run | null;
  /** Attempts so far, which is the number of the next log. */
  runs: number;
  imageId: string;
  containerId: string;
  ready: boolean;
  started: boolean;
  killedByUs: boolean;
  unwatch: () => void;
  /** No attempt is made before this time. */
  pausedUntilMs: number;
  sequel: Sequel | null;
  failedPulls: number;
  readonly crashes: CrashBackoff;
}

export function createMachine({ initialReason, timings }: ContainerDeps): Machine {
  return {
    state: { kind: 'waiting', reason: initialReason },
    last: null,
    run: null,
    runs: 0,
    imageId: '',
    containerId: '',
    ready: false,
    started: false,
    killedByUs: false,
    unwatch: () => {},
    pausedUntilMs: 0,
    sequel: null,
    failedPulls: 0,
    crashes: createCrashBackoff(timings),
  };
}

/** Sets the container to waiting for the given reason. Returns the time of the next reconcile. */
export function waitUntil(
  machine: Machine,
  state: Omit<Waiting, 'kind'>,
  untilMs: number,
  sequel: Sequel | null = null,
): number {
  machine.state = { kind: 'waiting', ...state };
  machine.pausedUntilMs = untilMs;
  machine.sequel = sequel;
  return sequel?.atMs ?? untilMs;
}

export function viewOf(machine: Machine, { name, image = '' }: Container): ContainerView {
  const { imageId, containerId, state, last, ready, started } = machine;
  return {
    name,
    image,
    imageId,
    containerId,
    state,
    last,
    ready,
    started,
    restartCount: Math.max(0, machine.runs - 1),
  };
}
