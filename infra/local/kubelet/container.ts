import { createMachine, viewOf, waitUntil } from './container-machine.ts';
import type { ContainerDeps, Machine } from './container-machine.ts';
import { signalRun, tryToRun } from './container-start.ts';
import type { ContainerView, Terminated } from './container-status.ts';
import { formatGoDuration } from './expand.ts';
import type { LogFile } from './log-file.ts';

export interface ContainerController {
  view(): ContainerView;
  /**
   * Advances the container: starts it, or restarts it if `mayRestart` allows that. Returns the time of the next call by
   * itself (ms since the epoch), `null` for "when woken".
   */
  step(nowMs: number, mayRestart: (exitCode: number) => boolean): Promise<number | null>;
  /** Sends the signal if the container runs. Returns whether it runs. */
  signal(signal: 'SIGTERM' | 'SIGKILL'): boolean;
  /** The current log, while the container runs. */
  liveLog(): LogFile | null;
}

/** One container of a pod: its states and transitions. */
export function createContainerController(deps: ContainerDeps): ContainerController {
  const machine = createMachine(deps);
  return {
    view: () => viewOf(machine, deps.container()),
    step: async (nowMs, mayRestart) => {
      if (machine.run !== null) return null;
      if (machine.state.kind === 'terminated') {
        if (!mayRestart(machine.state.exitCode)) return null;
        const dueMs = planRestart(machine, deps, machine.state, nowMs);
        if (dueMs > nowMs) return dueMs;
        machine.pausedUntilMs = nowMs;
      }
      return nowMs < machine.pausedUntilMs ? keepWaiting(machine, deps, nowMs) : tryToRun(machine, deps, nowMs);
    },
    signal: (signal) => signalRun(machine, signal),
    liveLog: () => machine.run?.log ?? null,
  };
}

function planRestart(machine: Machine, deps: ContainerDeps, ended: Terminated, nowMs: number): number {
  const { name } = deps.container();
  machine.last = ended;
  const delayMs = machine.crashes.next(ended.finishedAtMs - (ended.startedAtMs ?? ended.finishedAtMs));
  if (delayMs === 0) return nowMs;
  deps.emit('Warning', 'BackOff', `Back-off restarting failed container ${name} in pod ${deps.podFullName}`);
  const message = `back-off ${formatGoDuration(delayMs)} restarting failed container=${name} pod=${deps.podFullName}`;
  return waitUntil(machine, { reason: 'CrashLoopBackOff', message }, ended.finishedAtMs + delayMs);
}

/** Replaces the first reason of a wait by the second, while it lasts. */
function keepWaiting(machine: Machine, { emit }: ContainerDeps, nowMs: number): number {
  const { sequel } = machine;
  if (sequel === null || nowMs < sequel.atMs) return sequel?.atMs ?? machine.pausedUntilMs;
  emit('Warning', 'BackOff', sequel.event);
  emit('Warning', 'Failed', `Error: ${sequel.state.reason}`);
  return waitUntil(machine, sequel.state, machine.pausedUntilMs);
}
