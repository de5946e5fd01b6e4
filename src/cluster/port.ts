import type { CoreV1Event, V1Job, V1Pod } from '@kubernetes/client-node';

export interface CallOptions {
  /** Ends the call early with DeadlineError. Every call has a deadline of its own besides. */
  readonly signal?: AbortSignal;
}

/** Jobs of batch/v1. Absent is `null` or `'absent'`; 409 on create is `'exists'`; the rest is thrown (errors.ts). */
export interface Jobs {
  /** One attempt, never repeated by the adapter: an ambiguous end is an UnavailableError or a DeadlineError. */
  createJob(job: V1Job, options?: CallOptions & { readonly dryRun?: boolean }): Promise<V1Job | 'exists'>;
  getJob(namespace: string, name: string, options?: CallOptions): Promise<V1Job | null>;
  /** All pages. */
  listJobs(namespace: string, labelSelector: string, options?: CallOptions): Promise<readonly V1Job[]>;
  /** With its pods (propagationPolicy Background). With `uid`, only that very Job: another of the name is `'absent'`. */
  deleteJob(
    namespace: string,
    name: string,
    options?: CallOptions & { readonly uid?: string },
  ): Promise<'deleted' | 'absent'>;
  /** Sets `spec.suspend: true`: its pods end, the name stays taken. */
  suspendJob(namespace: string, name: string, options?: CallOptions): Promise<'suspended' | 'absent'>;
}

/** What explains a Job. */
export interface Pods {
  listPods(namespace: string, labelSelector: string, options?: CallOptions): Promise<readonly V1Pod[]>;
  /** Events about one object, oldest first. */
  listEvents(
    namespace: string,
    involved: { readonly kind: string; readonly name: string; readonly uid?: string },
    options?: CallOptions,
  ): Promise<readonly CoreV1Event[]>;
  /** The last `tailLines` lines; `null` when there is no such pod, container or log yet. */
  podLog(
    namespace: string,
    pod: string,
    options: CallOptions & { readonly container: string; readonly tailLines: number; readonly previous?: boolean },
  ): Promise<string | null>;
}

export interface Secrets {
  /** The names of a Secret's keys, or `null` when there is no such Secret. Values never leave the adapter. */
  secretKeys(namespace: string, name: string, options?: CallOptions): Promise<readonly string[] | null>;
}

/** A Kubernetes cluster, as far as the use cases need it. */
export interface Cluster extends Jobs, Pods, Secrets {}
