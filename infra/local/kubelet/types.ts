import type {
  V1Container,
  V1ContainerStatus,
  V1Pod,
  V1PodCondition,
  V1PodStatus,
  V1Probe,
  V1Volume,
} from '@kubernetes/client-node';

/** A client-node model as JSON, in which dates are strings. */
export type Wire<T> = T extends Date
  ? string
  : T extends readonly (infer U)[]
    ? Wire<U>[]
    : T extends object
      ? { [K in keyof T]: Wire<T[K]> }
      : T;

export type Container = Wire<V1Container>;
export type ContainerStatus = Wire<V1ContainerStatus>;
export type PodCondition = Wire<V1PodCondition>;
export type PodStatus = Wire<V1PodStatus>;
export type Probe = Wire<V1Probe>;
export type Volume = Wire<V1Volume>;

/** A pod that an API server answered: it has a name, a namespace and a uid. */
export type Pod = Wire<V1Pod> & {
  readonly metadata: { readonly name: string; readonly namespace: string; readonly uid: string };
  readonly spec: { readonly containers: Container[] };
};

/** The local process that runs for an image. */
export interface ImageEntry {
  /** The program and its arguments, instead of the image's ENTRYPOINT. `$(NAME)` is expanded, see {@link ImageEntry.env}. */
  readonly command: readonly string[];
  /** Instead of the image's CMD. Not used if the container has `args`. */
  readonly args?: readonly string[];
  /**
   * Instead of the image's ENV. The container's own variables take precedence. In values, `$(PORT_<name>)` and `$(PORT_<containerPort>)` stand
   * for the process's port on 127.0.0.1 that is the container's port of that name or number, `$(TERMINATION_LOG)` for the file of the
   * termination message (every process finds that in its environment, too).
   */
  readonly env?: Readonly<Record<string, string>>;
  /** Passes the container's `args` to the program. Without it, a container with `args` is refused. */
  readonly allowArgs?: boolean;
  /** Lets the container's `command` replace the program. Without it, a container with a `command` is refused. */
  readonly allowCommand?: boolean;
}

/** By image reference, with or without tag or digest; the longest match wins. */
export type Images = Readonly<Record<string, ImageEntry>>;

export function isPod(value: unknown): value is Pod {
  return (
    isObject(value) &&
    isObject(value['metadata']) &&
    ['name', 'namespace', 'uid'].every(
      (key) => isObject(value['metadata']) && typeof value['metadata'][key] === 'string',
    ) &&
    isObject(value['spec']) &&
    Array.isArray(value['spec']['containers'])
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

export function podKey({ metadata: { namespace, name } }: Pod): string {
  return `${namespace}/${name}`;
}

/** Formats a time as metav1.Time: whole seconds, UTC. */
export function formatTime(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
