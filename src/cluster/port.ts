import type { CoreV1Event, V1Job, V1Pod } from '@kubernetes/client-node';

export interface CallOptions {
  /** Ends the call early with DeadlineError. Every call has its own deadline as well. */
  readonly signal?: AbortSignal | undefined;
}

/** Jobs of batch/v1. An absent object is `null` or `'absent'`; 409 on create is `'exists'`; other failures are thrown (errors.ts). */
export interface Jobs {
  /** One request, never repeated by the adapter: an ambiguous result is an UnavailableError or a DeadlineError. */
  createJob(job: V1Job, options?: CallOptions & { readonly dryRun?: boolean }): Promise<V1Job | 'exists'>;
  getJob(namespace: string, name: string, options?: CallOptions): Promise<V1Job | null>;
  /** All pages. */
  listJobs(namespace: string, labelSelector: string, options?: CallOptions): Promise<readonly V1Job[]>;
  /** Deletes the pods too (propagationPolicy Background). With `uid`, a different Job of the same name is `'absent'`. */
  deleteJob(
    namespace: string,
    name: string,
    options?: CallOptions & { readonly uid?: string },
  ): Promise<'deleted' | 'absent'>;
  /** Sets `spec.suspend: true`: the pods are deleted, and the name stays in use. */
  suspendJob(namespace: string, name: string, options?: CallOptions): Promise<'suspended' | 'absent'>;
}

/** Pods with their events and logs, which explain the state of a Job. */
export interface Pods {
  listPods(namespace: string, labelSelector: string, options?: CallOptions): Promise<readonly V1Pod[]>;
  /** Events about one object, oldest first. */
  listEvents(
    namespace: string,
    involved: { readonly kind: string; readonly name: string; readonly uid?: string },
    options?: CallOptions,
  ): Promise<readonly CoreV1Event[]>;
  /**
   * The last `tailLines` lines, with `timestamps` each behind its time (RFC 3339, nanoseconds) and a space; `null` if
   * there is no such pod or container, or no log yet.
   */
  podLog(
    namespace: string,
    pod: string,
    options: CallOptions & {
      readonly container: string;
      readonly tailLines: number;
      readonly previous?: boolean;
      readonly timestamps?: boolean;
    },
  ): Promise<string | null>;
}

export interface Secrets {
  /** The names of a Secret's keys, or `null` if there is no such Secret. Values never leave the adapter. */
  secretKeys(namespace: string, name: string, options?: CallOptions): Promise<readonly string[] | null>;
}

/** The part of a Kubernetes cluster that runs and rounds need. */
export interface Cluster extends Jobs, Pods, Secrets {}
