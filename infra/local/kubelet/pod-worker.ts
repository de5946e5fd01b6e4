import { rm } from 'node:fs/promises';
import { podDirOf, podLogDirOf } from './node-context.ts';
import type { NodeContext } from './node-context.ts';
import { findLog } from './pod-logs.ts';
import type { LogLookup } from './pod-logs.ts';
import { beginEnding, checkDeadline, earlier, proceedEnding, progress } from './pod-progress.ts';
import { createPublisher } from './pod-publish.ts';
import type { Publisher } from './pod-publish.ts';
import { controllersOf, createSession, freeze, podGraceMs, viewsOf, volumesDirOf } from './pod-session.ts';
import type { PodSession } from './pod-session.ts';
import type { PodEnd } from './pod-status.ts';
import { messageOf } from './types.ts';
import type { Pod } from './types.ts';
import { createWaker } from './waker.ts';

/** Grace period of a pod that disappeared from the API without a deletion. */
const GONE_GRACE_MS = 1000;

export const SHUTDOWN: PodEnd = {
  phase: 'Failed',
  reason: 'NodeShutdown',
  message: 'Pod was terminated because the process kubelet was closed.',
  disruption: 'Pod was terminated because the process kubelet was closed.',
};

const LOST: PodEnd = {
  phase: 'Failed',
  reason: 'NodeShutdown',
  message: 'The process was lost: the kubelet that ran this pod ended without stopping it.',
  disruption: 'The process was lost: the kubelet that ran this pod ended without stopping it.',
};

export interface PodWorker {
  update(pod: Pod): void;
  /** The pod is no longer in the API. */
  remove(): void;
  /** Stops the pod because the node ends. Resolves once no container of it runs and its status has been reported. */
  shutdown(graceMs: number): Promise<void>;
  /** Sends SIGKILL to everything that runs, at once. The pod's status is not updated. */
  kill(): void;
  /** `null` when the pod has no such container. */
  findLog(container: string, previous: boolean): LogLookup | null;
  readonly pod: Pod;
  /** Resolves when the pod is gone, or shut down. */
  readonly done: Promise<void>;
}

/** `new`: never run before. `lost`: an earlier kubelet ran it. `over`: it had ended before. */
export type Origin = 'new' | 'lost' | 'over';

/** Runs one pod of this node, from its binding until it is gone. */
export function createPodWorker(node: NodeContext, initial: Pod, origin: Origin): PodWorker {
  const waker = createWaker();
  const session = createSession(node, initial, waker.wake);
  const publisher = createPublisher(node, initial.status?.conditions ?? []);
  let shuttingDown = false;
  if (origin !== 'new') freeze(session);
  if (origin === 'lost') session.end = LOST;
  if (origin === 'over') session.end = {};

  async function look(): Promise<number | null> {
    const nowMs = Date.now();
    const wasOver = session.end !== null;
    const next = wasOver ? null : await advance(node, session, nowMs);
    if (session.end !== null && !wasOver) await tearDown(node, session);
    if (session.gone) return next;
    if (origin === 'over' && session.pod.metadata.deletionTimestamp === undefined) return null;
    return earlier(next, origin === 'over' ? await reportOver(nowMs) : await report(node, session, publisher, nowMs));
  }
  async function reportOver(nowMs: number): Promise<number | null> {
    return (await publisher.confirmDeletion(session)) ? null : nowMs + node.timings.retryMs;
  }

  async function loop(): Promise<void> {
    for (;;) {
      const next = await look().catch((error: unknown) => {
        node.report(`pod ${initial.metadata.name}: ${messageOf(error)}`);
        return Date.now() + node.timings.retryMs;
      });
      if (session.end !== null && (session.gone || shuttingDown)) break;
      await waker.sleepUntil(next);
    }
    if (session.gone) await forget(node, session);
  }

  const worker: PodWorker = {
    get pod() {
      return session.pod;
    },
    done: loop(),
    update: (pod) => {
      session.pod = pod;
      waker.wake();
    },
    remove: () => {
      session.gone = true;
      if (session.end === null) beginEnding(session, {}, GONE_GRACE_MS);
      waker.wake();
    },
    shutdown: (graceMs) => {
      shuttingDown = true;
      if (session.end === null) beginEnding(session, SHUTDOWN, Math.min(graceMs, podGraceMs(session.pod)));
      waker.wake();
      return worker.done;
    },
    kill: () => {
      for (const controller of controllersOf(session)) controller.signal('SIGKILL');
    },
    findLog: (container, previous) => {
      const { init, main } = viewsOf(session);
      const view = [...init, ...main].find(({ name }) => name === container);
      if (view === undefined) return null;
      const live =
        controllersOf(session)
          .find((item) => item.view().name === container)
          ?.liveLog() ?? null;
      return findLog(session.pod.metadata.name, view, previous, { folder: podLogDirOf(node, session.pod), live });
    },
  };
  return worker;
}

/** Reconciles the pod: advances it or stops it. Returns the time of the next reconcile. */
async function advance(node: NodeContext, session: PodSession, nowMs: number): Promise<number | null> {
  noteDeletion(session);
  const dueMs = checkDeadline(session, nowMs);
  if (session.ending !== null) return proceedEnding(node, session, nowMs);
  return earlier(await progress(node, session, nowMs), dueMs);
}

function noteDeletion(session: PodSession): void {
  const { deletionTimestamp, deletionGracePeriodSeconds } = session.pod.metadata;
  if (deletionTimestamp === undefined || session.end !== null) return;
  const graceMs =
    deletionGracePeriodSeconds === undefined ? podGraceMs(session.pod) : deletionGracePeriodSeconds * 1000;
  beginEnding(session, {}, graceMs);
}

/** Removes the Secrets of an ended pod from the disk. */
async function tearDown(node: NodeContext, session: PodSession): Promise<void> {
  for (const ports of session.ports.values()) node.ports.release(ports);
  session.ports.clear();
  await rm(volumesDirOf(node, session), { recursive: true, force: true });
}

async function report(
  node: NodeContext,
  session: PodSession,
  publisher: Publisher,
  nowMs: number,
): Promise<number | null> {
  if (!(await publisher.publish(session))) return nowMs + node.timings.retryMs;
  if (session.end === null || session.pod.metadata.deletionTimestamp === undefined) return null;
  return (await publisher.confirmDeletion(session)) ? null : nowMs + node.timings.retryMs;
}

async function forget(node: NodeContext, { pod }: PodSession): Promise<void> {
  node.events.forget(pod.metadata.uid);
  await rm(podDirOf(node, pod.metadata.uid), { recursive: true, force: true });
  await rm(podLogDirOf(node, pod), { recursive: true, force: true });
}
