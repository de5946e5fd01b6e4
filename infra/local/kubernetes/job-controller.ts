import type { Cluster } from './cluster.ts';
import type { Controller, ControllerContext } from './controllers/controller.ts';
import { recordEvent } from './controllers/events.ts';
import { createTimers } from './controllers/timers.ts';
import { createWorkQueue } from './controllers/queue.ts';
import { noBackoff } from './job/backoff.ts';
import type { Backoff } from './job/backoff.ts';
import { decide } from './job/decide.ts';
import type { Decision } from './job/decide.ts';
import type { JobEvent } from './job/job-status.ts';
import { buildJobPod, controllerOf } from './job/job-pods.ts';
import { finishedAtMs, isFinished, specOf } from './job/job-views.ts';
import { isTracked, trackingFinalizer } from './job/pod-views.ts';
import { numberAt } from './json.ts';
import type { Fields } from './json.ts';
import { createObject } from './operations/create.ts';
import { removeObject } from './operations/remove.ts';
import { updateObject, withStatus } from './operations/update.ts';
import { canonical } from './operations/write.ts';
import { jobs } from './resources/jobs.ts';
import { pods } from './resources/pods.ts';
import { StatusError } from './status.ts';
import type { StoreEvent } from './store/event.ts';
import { shallowDraftOf } from './types.ts';
import type { Draft, KubeObject } from './types.ts';

export interface JobControllerOptions {
  /** First pause before a failed pod is replaced. */
  readonly backoffBaseMs: number;
}

const manager = 'kube-controller-manager';
const component = 'job-controller';
/** After this long a Job whose pods could not be created is tried again. */
const createRetryMs = 1_000;

/** Runs Jobs: creates their pods, counts how these end, and says in the status what came of it. */
export function createJobController(
  { cluster, owners, report }: ControllerContext,
  options: JobControllerOptions,
): Controller {
  const backoffs = new Map<string, Backoff>();
  const queue = createWorkQueue((key) => sync(key), report);
  const orphans = createWorkQueue((key) => releaseOrphan(cluster, key), report);
  const timers = createTimers((key) => queue.add(key));

  function sync(key: string): void {
    const job = cluster.get('jobs.batch', key);
    if (job === undefined) {
      timers.clear(key);
      return;
    }
    const own = owners.dependentsOf(job.metadata.uid).flatMap((each) => cluster.get(each.resource, each.key) ?? []);
    const jobPods = own.filter((each) => each.kind === 'Pod');
    if (isFinished(job)) {
      backoffs.delete(job.metadata.uid);
      settleFinished(cluster, job, jobPods, (delayMs) => timers.set(key, delayMs));
      return;
    }
    const backoff = backoffs.get(job.metadata.uid) ?? noBackoff;
    const decision = decide(job, jobPods, { now: cluster.now(), backoff, backoffBaseMs: options.backoffBaseMs });
    backoffs.set(job.metadata.uid, decision.backoff);
    const failedCreates = cluster.store.transaction(() => carryOut(cluster, job, decision));
    const waits = [decision.lookAgainInMs, failedCreates > 0 ? createRetryMs : undefined].filter(
      (wait) => wait !== undefined,
    );
    if (waits.length > 0) timers.set(key, Math.min(...waits));
  }

  function consider({ resource, key, object, type }: StoreEvent): void {
    if (resource === 'jobs.batch') {
      if (type === 'DELETED') backoffs.delete(object.metadata.uid);
      queue.add(key);
    }
    if (resource !== 'pods') return;
    const job = jobOf(cluster, object);
    if (job !== undefined) queue.add(`${object.metadata.namespace}/${job.metadata.name}`);
    else if (type !== 'DELETED' && isTracked(object)) orphans.add(key);
  }

  const unsubscribe = cluster.store.subscribe(consider);
  for (const key of cluster.all('jobs.batch').keys()) queue.add(key);
  for (const key of cluster.all('pods').keys()) orphans.add(key);
  return {
    close: () => {
      unsubscribe();
      queue.close();
      orphans.close();
      timers.close();
    },
  };
}

/** A pod that no Job counts any more is let go. */
function releaseOrphan(cluster: Cluster, key: string): void {
  const pod = cluster.get('pods', key);
  if (pod !== undefined && jobOf(cluster, pod) === undefined) release(cluster, pod);
}

/** The Job that controls the pod, if it is still there. */
function jobOf(cluster: Cluster, pod: KubeObject): KubeObject | undefined {
  const controller = controllerOf(pod);
  const job = controller && cluster.get('jobs.batch', `${pod.metadata.namespace}/${controller.name}`);
  return job?.metadata.uid === controller?.uid ? job : undefined;
}

/** Takes the tracking finalizer off a pod. */
function release(cluster: Cluster, { metadata }: KubeObject): void {
  const pod = cluster.get('pods', `${metadata.namespace}/${metadata.name}`);
  if (pod === undefined || !isTracked(pod)) return;
  function change(old: KubeObject): Draft {
    const draft = shallowDraftOf(old);
    draft.metadata['finalizers'] = (old.metadata.finalizers ?? []).filter((each) => each !== trackingFinalizer);
    return draft;
  }
  updateObject(cluster, pods, pod.metadata.namespace, pod.metadata.name, change, { manager, dryRun: false });
}

/** Lets go of its pods, and deletes the Job with them when its time to live is over. */
function settleFinished(
  cluster: Cluster,
  job: KubeObject,
  jobPods: readonly KubeObject[],
  again: (delayMs: number) => void,
): void {
  for (const pod of jobPods) release(cluster, pod);
  const { ttlSecondsAfterFinished } = specOf(job);
  if (ttlSecondsAfterFinished === undefined || job.metadata.deletionTimestamp !== undefined) return;
  const leftMs = finishedAtMs(job) + ttlSecondsAfterFinished * 1000 - cluster.now().getTime();
  if (leftMs > 0) {
    again(leftMs);
    return;
  }
  const { namespace, name, uid } = job.metadata;
  removeObject(cluster, jobs, namespace, name, {
    propagationPolicy: 'Foreground',
    preconditions: { uid },
    dryRun: false,
  });
}

/** Returns how many pods could not be created. */
function carryOut(cluster: Cluster, job: KubeObject, decision: Decision): number {
  const events: JobEvent[] = [];
  let failures = 0;
  for (let count = 0; count < decision.plan.create; count += 1) {
    const event = createPod(cluster, job);
    events.push(event);
    if (event.type === 'Warning') failures += 1;
  }
  for (const pod of decision.plan.remove) {
    if (decision.plan.isSurplus) release(cluster, pod);
    events.push(deletePod(cluster, pod));
  }
  const active = (numberAt(decision.status, 'active') ?? 0) - failures;
  writeStatus(cluster, job, { ...decision.status, active });
  for (const pod of decision.release) release(cluster, pod);
  for (const event of [...events, ...decision.events]) recordEvent(cluster, job, event, component);
  return failures;
}

function createPod(cluster: Cluster, job: KubeObject): JobEvent {
  try {
    const draft = canonical(pods, buildJobPod(job));
    pods.applyDefaults?.(draft);
    const pod = createObject(cluster, pods, job.metadata.namespace, draft, { manager, dryRun: false });
    return { type: 'Normal', reason: 'SuccessfulCreate', message: `Created pod: ${pod.metadata.name}` };
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    return { type: 'Warning', reason: 'FailedCreate', message: `Error creating: ${error.message}` };
  }
}

function deletePod(cluster: Cluster, pod: KubeObject): JobEvent {
  const { namespace, name } = pod.metadata;
  removeObject(cluster, pods, namespace, name, { propagationPolicy: 'Background', dryRun: false });
  return { type: 'Normal', reason: 'SuccessfulDelete', message: `Deleted pod: ${name}` };
}

function writeStatus(cluster: Cluster, job: KubeObject, status: Fields): void {
  const { namespace, name } = job.metadata;
  updateObject(cluster, jobs, namespace, name, withStatus(status), { manager, dryRun: false, subresource: 'status' });
}
