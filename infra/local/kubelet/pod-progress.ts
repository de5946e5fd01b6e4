import type { ContainerController } from './container.ts';
import { podPathOf } from './node-context.ts';
import type { NodeContext } from './node-context.ts';
import { controllersOf, podGraceMs, volumesDirOf } from './pod-session.ts';
import type { PodSession } from './pod-session.ts';
import type { PodEnd } from './pod-status.ts';
import { messageOf } from './types.ts';
import type { Container, Pod } from './types.ts';
import { setUpVolumes } from './volumes.ts';

/** Where the process ports are to be read from outside; there is no other trace of them in the API. */
export const PORTS_ANNOTATION = 'process-kubelet/ports';

const DEADLINE: PodEnd = {
  phase: 'Failed',
  reason: 'DeadlineExceeded',
  message: 'Pod was active on the node longer than the specified deadline',
};

/** The earlier of two times; `null` is never. */
export function earlier(a: number | null, b: number | null): number | null {
  if (a === null) return b;
  return b === null ? a : Math.min(a, b);
}

/** Brings the pod on: volumes, init containers, containers. Returns when to come again by itself. */
export async function progress(node: NodeContext, session: PodSession, nowMs: number): Promise<number | null> {
  if (!session.sandbox && !(await setUp(node, session))) return nowMs + node.timings.retryMs;
  const init = await stepInit(session, nowMs);
  if (init === 'failed') session.end = {};
  if (init === 'failed') return null;
  if (init !== 'done') return init.next;
  const restarts = mayRestart(session.pod, false);
  const next = await Promise.all(session.main.map((controller) => controller.step(nowMs, restarts)));
  if (session.main.every((controller) => isOver(controller, restarts))) session.end = {};
  return next.reduce(earlier, null);
}

async function setUp(node: NodeContext, session: PodSession): Promise<boolean> {
  const { pod } = session;
  try {
    const { nodeName, sources } = node;
    const place = { nodeName, podIP: node.podIP(pod.metadata.uid) };
    await setUpVolumes({ pod, ...place, sources }, volumesDirOf(node, session));
  } catch (error) {
    node.events.record({ pod, type: 'Warning', reason: 'FailedMount', message: messageOf(error) });
    return false;
  }
  for (const container of pod.spec.containers) session.ports.set(container.name, await node.ports.allocate(container));
  announcePorts(node, session);
  session.sandbox = true;
  return true;
}

function announcePorts(node: NodeContext, session: PodSession): void {
  const named = [...session.ports].flatMap(([name, ports]) => {
    const container: Container | undefined = session.pod.spec.containers.find((item) => item.name === name);
    return [...ports].map(([from, to]) => [
      container?.ports?.find(({ containerPort }) => containerPort === from)?.name ?? String(from),
      to,
    ]);
  });
  if (named.length === 0) return;
  const annotations = { [PORTS_ANNOTATION]: JSON.stringify(Object.fromEntries(named)) };
  node.api
    .patch(podPathOf(session.pod), { metadata: { annotations } })
    .catch((error: unknown) =>
      node.report(`the ports of pod ${session.pod.metadata.name} were not noted: ${messageOf(error)}`),
    );
}

/** Steps the init containers in order. `done` once all have succeeded; `failed` when one has failed for good. */
async function stepInit(
  session: PodSession,
  nowMs: number,
): Promise<'done' | 'failed' | { readonly next: number | null }> {
  const restarts = mayRestart(session.pod, true);
  for (const controller of session.init) {
    const next = await controller.step(nowMs, restarts);
    if (!isOver(controller, restarts)) return { next };
    const { state } = controller.view();
    if (state.kind !== 'terminated' || state.exitCode !== 0) return 'failed';
  }
  return 'done';
}

function mayRestart({ spec: { restartPolicy } }: Pod, isInit: boolean) {
  return (exitCode: number): boolean =>
    exitCode === 0 ? restartPolicy !== 'Never' && restartPolicy !== 'OnFailure' && !isInit : restartPolicy !== 'Never';
}

/** For good: it will not be started again. */
function isOver(controller: ContainerController, restarts: (exitCode: number) => boolean): boolean {
  const { state } = controller.view();
  return state.kind === 'terminated' && !restarts(state.exitCode);
}

/** Begins to stop the pod, or hastens it when it is being stopped already. */
export function beginEnding(session: PodSession, end: PodEnd, graceMs: number): void {
  const killAtMs = Date.now() + graceMs;
  if (session.ending === null) session.ending = { killAtMs, end, isReported: false };
  else session.ending.killAtMs = Math.min(session.ending.killAtMs, killAtMs);
}

/** Ends the pod when its time is up; otherwise returns when that will be. */
export function checkDeadline(session: PodSession, nowMs: number): number | null {
  const { activeDeadlineSeconds } = session.pod.spec;
  if (activeDeadlineSeconds === undefined) return null;
  const dueMs = session.startedAtMs + activeDeadlineSeconds * 1000;
  if (nowMs < dueMs) return dueMs;
  if (session.ending === null) beginEnding(session, DEADLINE, podGraceMs(session.pod));
  return null;
}

/** SIGTERM once, SIGKILL when the grace is over; the end is reached when no process is left. */
export function proceedEnding(node: NodeContext, session: PodSession, nowMs: number): number | null {
  const { ending } = session;
  if (ending === null) return null;
  const kill = nowMs >= ending.killAtMs;
  const running = controllersOf(session).filter((controller) => {
    if (kill) return controller.signal('SIGKILL');
    return ending.isReported ? controller.view().state.kind === 'running' : controller.signal('SIGTERM');
  });
  if (!ending.isReported) {
    for (const controller of running) {
      const { name } = controller.view();
      const message = `Stopping container ${name}`;
      node.events.record({
        pod: session.pod,
        type: 'Normal',
        reason: 'Killing',
        message,
        fieldPath: `spec.containers{${name}}`,
      });
    }
  }
  ending.isReported = true;
  if (running.length === 0) session.end = ending.end;
  return running.length === 0 || kill ? null : ending.killAtMs;
}
