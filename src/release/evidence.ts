import type { V1Pod } from '@kubernetes/client-node';
import { AppError } from '../errors.ts';
import type { ReleaseDeps, Site } from './deps.ts';
import type { Trouble } from './readiness.ts';
import type { Look } from './rollout.ts';
import { unreadyPods } from './rollout.ts';

const LOG_LINES = 20;
/** More pods of one template say the same. */
const MAX_PODS = 6;
const TOLD_EVENTS: ReadonlySet<string> = new Set([
  'FailedMount',
  'FailedAttachVolume',
  'FailedScheduling',
  'Unhealthy',
  'BackOff',
  'Failed',
]);

/** Why a release failed: what a person would look up with kubectl describe and logs. */
export interface Evidence extends Trouble {
  /** The last lines that the container wrote, of its last run if it has ended. */
  readonly log?: string;
  /** What happened to the pod lately. */
  readonly events?: readonly string[];
}

/** What is wrong with the pods that are not ready, with the last lines of their logs. Never throws what a port throws. */
export async function collectEvidence(deps: ReleaseDeps, site: Site, look: Look): Promise<Evidence[]> {
  const pods = unreadyPods(look);
  function isTroubled({ metadata }: V1Pod): boolean {
    return look.troubles.some(({ pod }) => pod === metadata?.name);
  }
  const told = [...pods.filter(isTroubled), ...pods.filter((pod) => !isTroubled(pod))].slice(0, MAX_PODS);
  const evidence = await Promise.all(
    told.map((pod) =>
      collectOf(
        deps,
        site,
        pod,
        look.troubles.filter((trouble) => trouble.pod === pod.metadata?.name),
      ),
    ),
  );
  return evidence.flat();
}

async function collectOf(deps: ReleaseDeps, site: Site, pod: V1Pod, troubles: readonly Trouble[]): Promise<Evidence[]> {
  const events = await eventsOf(deps, site, pod);
  const told = troubles.length > 0 ? troubles : [plainTrouble(pod)];
  return Promise.all(
    told.map(async (trouble) => {
      const { container } = trouble;
      const isBetweenRuns = trouble.reason === 'CrashLoopBackOff';
      const hasEnded = isBetweenRuns || (troubles.length === 0 && trouble.exitCode !== undefined);
      const log =
        container === undefined || !hasRun(trouble) ? null : await logOf(deps, site, trouble.pod, container, hasEnded);
      return {
        ...trouble,
        ...(log !== null && log !== '' && { log }),
        ...(events.length > 0 && { events }),
      };
    }),
  );
}

async function eventsOf(deps: ReleaseDeps, site: Site, pod: V1Pod): Promise<string[]> {
  const { name = '', uid } = pod.metadata ?? {};
  const involved = { kind: 'Pod', name, ...(uid !== undefined && { uid }) };
  const events = await orNothing(deps.cluster.listEvents(site.namespace, involved, { signal: site.signal }));
  const told = (events ?? []).filter(({ reason }) => TOLD_EVENTS.has(reason ?? ''));
  return told.slice(-5).map(({ reason, message }) => `${reason}: ${message}`);
}

/** Evidence is told as far as it can be had: a log that cannot be read must not hide the reason. */
async function orNothing<T>(work: Promise<T>): Promise<T | null> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof AppError) return null;
    throw error;
  }
}

function plainTrouble(pod: V1Pod): Trouble {
  const container = mainContainer(pod);
  const status = (pod.status?.containerStatuses ?? [])[0];
  const waiting = status?.state?.waiting;
  const isRunning = status?.state?.running !== undefined;
  const ended = status?.lastState?.terminated;
  // Between two crashes it runs: that it is not ready is the least of what is known of it.
  if (isRunning && ended !== undefined && ended.exitCode !== 0) {
    return {
      pod: pod.metadata?.name ?? '',
      ...(container !== undefined && { container }),
      reason: ended.reason ?? 'Error',
      message: ended.message ?? 'it ended, and was started again',
      exitCode: ended.exitCode,
      restarts: status?.restartCount ?? 0,
    };
  }
  return {
    pod: pod.metadata?.name ?? '',
    ...(container !== undefined && { container }),
    reason: waiting?.reason ?? (isRunning ? 'NotReady' : (pod.status?.phase ?? 'Pending')),
    ...(waiting?.message !== undefined && { message: waiting.message }),
    ...(isRunning && { message: 'it runs, and its readiness probe does not succeed' }),
    ...(status !== undefined && { restarts: status.restartCount }),
  };
}

function mainContainer(pod: V1Pod): string | undefined {
  return pod.spec?.containers[0]?.name;
}

function hasRun({ exitCode, restarts = 0, reason }: Trouble): boolean {
  return exitCode !== undefined || restarts > 0 || reason === 'NotReady';
}

async function logOf(
  deps: ReleaseDeps,
  site: Site,
  pod: string,
  container: string,
  hasEnded: boolean,
): Promise<string | null> {
  const { namespace, signal } = site;
  function read(previous: boolean) {
    return orNothing(deps.cluster.podLog(namespace, pod, { container, tailLines: LOG_LINES, previous, signal }));
  }
  const log = await read(hasEnded);
  return log === null || log === '' ? (hasEnded ? read(false) : log) : log;
}
