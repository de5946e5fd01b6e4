import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ContainerView } from './container-status.ts';
import type { LogFile } from './log-file.ts';

export type LogLookup =
  | { readonly kind: 'found'; readonly path: string; readonly live: LogFile | null }
  | { readonly kind: 'refused'; readonly message: string };

/** Which log `kubectl logs [--previous]` shows, or why there is none, in the kubelet's words. */
export function findLog(
  podName: string,
  view: Pick<ContainerView, 'name' | 'state' | 'last'>,
  previous: boolean,
  source: { readonly folder: string; readonly live: LogFile | null },
): LogLookup {
  const { name, state, last } = view;
  const folder = join(source.folder, name);
  const current = runsOf(folder).at(-1);
  if (previous && last === null) {
    return { kind: 'refused', message: `previous terminated container "${name}" in pod "${podName}" not found` };
  }
  if (current === undefined || (state.kind === 'waiting' && last === null)) {
    const why =
      state.kind === 'waiting' ? `waiting to start: ${waitingWords(state.reason)}` : 'without a log on this node';
    return { kind: 'refused', message: `container "${name}" in pod "${podName}" is ${why}` };
  }
  // While a container waits for its restart, the latest run is the previous one.
  const run = previous && state.kind !== 'waiting' ? current - 1 : current;
  return { kind: 'found', path: join(folder, `${run}.log`), live: run === current ? source.live : null };
}

function runsOf(folder: string): number[] {
  try {
    return readdirSync(folder)
      .flatMap((name) => /^(\d+)\.log$/.exec(name)?.[1] ?? [])
      .map(Number)
      .toSorted((a, b) => a - b);
  } catch {
    return [];
  }
}

/** Why a container that never ran has no log, in the kubelet's words. */
function waitingWords(reason: string): string {
  return (
    { ErrImagePull: "image can't be pulled", ImagePullBackOff: 'trying and failing to pull image' }[reason] ?? reason
  );
}
