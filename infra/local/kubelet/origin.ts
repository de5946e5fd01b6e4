import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { podDirOf } from './node-context.ts';
import type { NodeContext } from './node-context.ts';
import type { Origin } from './pod-worker.ts';
import { endRecordedProcesses } from './process-record.ts';
import type { Pod } from './types.ts';

/**
 * What to make of a pod that this kubelet finds bound to its node when it starts. Whatever an earlier kubelet left running of it is ended:
 * its output and its exit code are out of reach.
 */
export function originOf(node: Pick<NodeContext, 'podsDir'>, pod: Pod): Origin {
  const folder = podDirOf(node, pod.metadata.uid);
  const recorded = endRecordedProcesses(join(folder, 'containers'));
  if (pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed') return 'over';
  if (!recorded && !hasStarted(pod)) return 'new';
  rmSync(join(folder, 'volumes'), { recursive: true, force: true });
  return 'lost';
}

function hasStarted({ status }: Pod): boolean {
  return [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])].some(
    ({ state, lastState }) =>
      state?.running !== undefined || state?.terminated !== undefined || lastState?.terminated !== undefined,
  );
}

/** Ends and removes what an earlier kubelet left of pods that are no more, logs included. */
export function removeStrangers(
  { podsDir, logsDir }: Pick<NodeContext, 'podsDir' | 'logsDir'>,
  pods: readonly Pod[],
): void {
  const known = new Set(pods.map(({ metadata: { uid } }) => uid));
  for (const name of namesIn(logsDir)) {
    const uid = /^[^_]+_[^_]+_([0-9a-f-]{36})$/.exec(name)?.[1];
    if (uid !== undefined && !known.has(uid)) rmSync(join(logsDir, name), { recursive: true, force: true });
  }
  for (const uid of namesIn(podsDir)) {
    if (known.has(uid)) continue;
    endRecordedProcesses(join(podsDir, uid, 'containers'));
    rmSync(join(podsDir, uid), { recursive: true, force: true });
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
