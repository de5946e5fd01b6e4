import { backoffDelay } from './backoff.ts';
import { waitUntil } from './container-machine.ts';
import type { ContainerDeps, HealthControls, Machine } from './container-machine.ts';
import { findImage } from './image.ts';
import { CreateContainerError } from './launch.ts';
import type { LaunchPlan, Run } from './launch.ts';
import type { ProcessExit } from './process.ts';
import { messageOf } from './types.ts';

/** Node fires a timer with a longer delay at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Sends the signal to the container's processes, if it runs. */
export function signalRun(machine: Machine, signal: 'SIGTERM' | 'SIGKILL'): boolean {
  if (machine.run === null) return false;
  machine.killedByUs = true;
  machine.run.process.kill(signal);
  return true;
}

/** Tries to run the container. Returns the time of the next attempt, or `null` if it runs. */
export async function tryToRun(machine: Machine, deps: ContainerDeps, nowMs: number): Promise<number | null> {
  const { image = '', imagePullPolicy } = deps.container();
  const found = findImage(deps.images, image);
  if (found.kind === 'invalid') return invalidImage(machine, deps, image, nowMs);
  if (found.kind === 'absent') {
    return (imagePullPolicy === 'Never' ? neverPulled : failedPull)(machine, deps, image, nowMs);
  }
  machine.imageId = found.imageId;
  machine.failedPulls = 0;
  deps.emit('Normal', 'Pulled', `Container image "${image}" already present on machine`);
  let plan: LaunchPlan;
  try {
    plan = await deps.prepare(found.entry, machine.runs);
  } catch (error) {
    const reason = error instanceof CreateContainerError ? 'CreateContainerError' : 'CreateContainerConfigError';
    deps.emit('Warning', 'Failed', `Error: ${messageOf(error)}`);
    return waitUntil(machine, { reason, message: messageOf(error) }, nowMs + deps.timings.retryMs);
  }
  return begin(machine, deps, plan, nowMs);
}

function invalidImage(machine: Machine, { emit, timings }: ContainerDeps, image: string, nowMs: number): number {
  const message = `Failed to apply default image tag "${image}": couldn't parse image name "${image}": invalid reference format`;
  emit('Warning', 'InspectFailed', message);
  emit('Warning', 'Failed', 'Error: InvalidImageName');
  return waitUntil(machine, { reason: 'InvalidImageName', message }, nowMs + timings.retryMs);
}

function neverPulled(machine: Machine, { emit, timings }: ContainerDeps, image: string, nowMs: number): number {
  const message = `Container image "${image}" is not present with pull policy of Never`;
  emit('Warning', 'ErrImageNeverPull', message);
  emit('Warning', 'Failed', 'Error: ErrImageNeverPull');
  return waitUntil(machine, { reason: 'ErrImageNeverPull', message }, nowMs + timings.retryMs);
}

function failedPull(machine: Machine, { emit, images, timings }: ContainerDeps, image: string, nowMs: number): number {
  machine.failedPulls += 1;
  const fault = `image "${image}" not found: this node has ${Object.keys(images).join(', ') || 'none'}`;
  emit('Normal', 'Pulling', `Pulling image "${image}"`);
  emit('Warning', 'Failed', `Failed to pull image "${image}": ${fault}`);
  emit('Warning', 'Failed', 'Error: ErrImagePull');
  const event = `Back-off pulling image "${image}"`;
  const flipAtMs = nowMs + timings.retryMs;
  return waitUntil(
    machine,
    { reason: 'ErrImagePull', message: fault },
    flipAtMs + backoffDelay(machine.failedPulls, timings),
    {
      atMs: flipAtMs,
      state: { kind: 'waiting', reason: 'ImagePullBackOff', message: `${event}: ErrImagePull: ${fault}` },
      event,
    },
  );
}

async function begin(machine: Machine, deps: ContainerDeps, plan: LaunchPlan, nowMs: number): Promise<number | null> {
  const { name } = deps.container();
  deps.emit('Normal', 'Created', `Created container: ${name}`);
  machine.runs += 1;
  machine.containerId = '';
  machine.killedByUs = false;
  try {
    const run = await deps.start(plan);
    const startedAtMs = Date.now();
    deps.emit('Normal', 'Started', `Started container ${name}`);
    machine.run = run;
    machine.containerId = run.containerId;
    machine.state = { kind: 'running', startedAtMs };
    machine.unwatch = deps.watchOver(controlsOf(machine, deps, run));
    void run.ended.then((exit) => onEnd(machine, deps, exit, startedAtMs));
    return null;
  } catch (error) {
    const message = messageOf(error);
    deps.emit('Warning', 'Failed', `Error: ${message}`);
    machine.state = {
      kind: 'terminated',
      exitCode: 128,
      reason: 'StartError',
      message,
      startedAtMs: null,
      finishedAtMs: nowMs,
      containerId: '',
    };
    return nowMs;
  }
}

/** The effects of a probe on the container. None after that run of the container has ended. */
function controlsOf(machine: Machine, deps: ContainerDeps, run: Run): HealthControls {
  function whileItRuns(change: () => void): void {
    if (machine.run !== run) return;
    change();
    deps.wake();
  }
  return {
    setStarted: () => whileItRuns(() => (machine.started = true)),
    setReady: (ready) => whileItRuns(() => (machine.ready = ready)),
    kill: (message) => whileItRuns(() => killUnhealthy(machine, deps, message)),
  };
}

function killUnhealthy(machine: Machine, deps: ContainerDeps, message: string): void {
  const doomed = machine.run;
  deps.emit('Normal', 'Killing', message);
  signalRun(machine, 'SIGTERM');
  setTimeout(
    () => {
      if (machine.run === doomed) signalRun(machine, 'SIGKILL');
    },
    Math.min(deps.graceMs, MAX_TIMER_MS),
  ).unref();
}

function onEnd(machine: Machine, deps: ContainerDeps, exit: Awaited<Run['ended']>, startedAtMs: number): void {
  const { containerId, killedByUs } = machine;
  const { exitCode, message } = exit;
  machine.unwatch();
  machine.unwatch = () => {};
  machine.run = null;
  machine.ready = false;
  machine.started = false;
  const reason = exitReason(exit, killedByUs);
  machine.state = { kind: 'terminated', exitCode, reason, message, startedAtMs, finishedAtMs: Date.now(), containerId };
  deps.wake();
}

function exitReason({ exitCode, signal }: ProcessExit, killedByUs: boolean): string {
  if (exitCode === 0) return 'Completed';
  // A SIGKILL that the kubelet did not send comes from the out-of-memory killer.
  return signal === 'SIGKILL' && !killedByUs ? 'OOMKilled' : 'Error';
}
