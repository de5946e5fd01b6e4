import { join } from 'node:path';
import { createContainerController } from './container.ts';
import type { ContainerController } from './container.ts';
import { buildLostView } from './container-status.ts';
import type { ContainerView } from './container-status.ts';
import { watchHealth } from './health.ts';
import { CreateContainerError, prepareLaunch, startRun } from './launch.ts';
import { podDirOf, podLogDirOf } from './node-context.ts';
import type { NodeContext } from './node-context.ts';
import type { PodEnd } from './pod-status.ts';
import type { Container, ContainerStatus, Pod } from './types.ts';

export interface Ending {
  /** The time at which SIGKILL is sent. */
  killAtMs: number;
  readonly end: PodEnd;
  isReported: boolean;
}

/** The state of one pod; changed in place by its worker. */
export interface PodSession {
  pod: Pod;
  readonly startedAtMs: number;
  readonly init: readonly ContainerController[];
  readonly main: readonly ContainerController[];
  /** Replaces the controllers' states, for a pod of an earlier kubelet. */
  frozen: { readonly init: readonly ContainerView[]; readonly main: readonly ContainerView[] } | null;
  /** Process ports by container port, by container. */
  readonly ports: Map<string, ReadonlyMap<number, number>>;
  sandbox: boolean;
  /** Set while the pod is being stopped. */
  ending: Ending | null;
  /** No container runs, and none will run again. */
  end: PodEnd | null;
  /** The pod is no longer in the API. */
  gone: boolean;
}

const DEFAULT_GRACE_SEC = 30;

/** The pod's time between SIGTERM and SIGKILL. */
export function podGraceMs(pod: Pod): number {
  return (pod.spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SEC) * 1000;
}

/** Starts the state of a pod that was bound to this node. */
export function createSession(node: NodeContext, pod: Pod, wake: () => void): PodSession {
  const startTime = pod.status?.startTime;
  const init: ContainerController[] = [];
  const main: ContainerController[] = [];
  const session: PodSession = {
    pod,
    startedAtMs: startTime === undefined ? Date.now() : Date.parse(startTime),
    init,
    main,
    frozen: null,
    ports: new Map(),
    sandbox: false,
    ending: null,
    end: null,
    gone: false,
  };
  for (const container of pod.spec.initContainers ?? [])
    init.push(createController(node, () => session, wake, 'init', container));
  for (const container of pod.spec.containers)
    main.push(createController(node, () => session, wake, 'main', container));
  return session;
}

function createController(
  node: NodeContext,
  session: () => PodSession,
  wake: () => void,
  kind: 'init' | 'main',
  container: Container,
): ContainerController {
  const { pod } = session();
  const { namespace, name, uid } = pod.metadata;
  function current(): Container {
    return containerOf(session().pod, kind, container);
  }
  const field = kind === 'init' ? 'initContainers' : 'containers';
  function emit(type: 'Normal' | 'Warning', reason: string, message: string): void {
    return node.events.record({
      pod: session().pod,
      type,
      reason,
      message,
      fieldPath: `spec.${field}{${container.name}}`,
    });
  }
  function ports(): ReadonlyMap<number, number> {
    return session().ports.get(container.name) ?? new Map();
  }
  return createContainerController({
    container: current,
    images: node.images,
    timings: node.timings,
    initialReason: (pod.spec.initContainers ?? []).length > 0 ? 'PodInitializing' : 'ContainerCreating',
    podFullName: `${name}_${namespace}(${uid})`,
    graceMs: podGraceMs(pod),
    prepare: (entry, runNumber) => {
      if (kind === 'init' && current().restartPolicy === 'Always') {
        throw new CreateContainerError(
          'restartable init containers (sidecars) are not supported by a node of local processes',
        );
      }
      const paths = { podDir: podDirOf(node, uid), logDir: podLogDirOf(node, pod) };
      const { nodeName, sources } = node;
      const place = { nodeName, podIP: node.podIP(uid) };
      const context = { pod: session().pod, ...place, sources, ports: ports(), ...paths };
      return prepareLaunch(context, current(), entry, runNumber);
    },
    start: (plan) => startRun(current(), plan),
    watchOver: (controls) => {
      const context = { container: current(), ports: ports() };
      function unhealthy(message: string): void {
        return emit('Warning', 'Unhealthy', message);
      }
      return watchHealth({ context, eagerMs: node.timings.eagerProbeMs, controls, unhealthy });
    },
    emit,
    wake,
  });
}

function containerOf(pod: Pod, kind: 'init' | 'main', fallback: Container): Container {
  return (
    (kind === 'init' ? (pod.spec.initContainers ?? []) : pod.spec.containers).find(
      ({ name }) => name === fallback.name,
    ) ?? fallback
  );
}

/** The containers as an earlier kubelet left them. */
export function freeze(session: PodSession): void {
  const { spec, status } = session.pod;
  function view(container: Container, statuses: readonly ContainerStatus[] | undefined): ContainerView {
    return buildLostView(
      container,
      statuses?.find(({ name }) => name === container.name),
      Date.now(),
    );
  }
  session.frozen = {
    init: (spec.initContainers ?? []).map((container) => view(container, status?.initContainerStatuses)),
    main: spec.containers.map((container) => view(container, status?.containerStatuses)),
  };
}

export function viewsOf(session: PodSession): {
  readonly init: readonly ContainerView[];
  readonly main: readonly ContainerView[];
} {
  return (
    session.frozen ?? { init: session.init.map((item) => item.view()), main: session.main.map((item) => item.view()) }
  );
}

export function controllersOf(session: PodSession): readonly ContainerController[] {
  return [...session.init, ...session.main];
}

export function volumesDirOf(node: NodeContext, session: PodSession): string {
  return join(podDirOf(node, session.pod.metadata.uid), 'volumes');
}
