import { join } from 'node:path';
import type { Api } from './api.ts';
import type { Timings } from './backoff.ts';
import type { EventRecorder } from './events.ts';
import type { PortAllocator } from './ports.ts';
import type { Sources } from './sources.ts';
import type { Images, Pod } from './types.ts';

/** What all pods of the node share. */
export interface NodeContext {
  readonly api: Api;
  readonly images: Images;
  readonly events: EventRecorder;
  readonly sources: Sources;
  readonly ports: PortAllocator;
  readonly timings: Timings;
  readonly nodeName: string;
  /** The address of the pod with this uid; the same for as long as it lives. */
  readonly podIP: (uid: string) => string;
  readonly podsDir: string;
  readonly logsDir: string;
  /** Of faults that are neither the pod's nor the caller's. */
  readonly report: (message: string) => void;
}

/** `volumes/<name>`, `containers/<name>` of the pod. */
export function podDirOf({ podsDir }: Pick<NodeContext, 'podsDir'>, uid: string): string {
  return join(podsDir, uid);
}

/** `<container>/<run>.log` of the pod; named as /var/log/pods is. */
export function podLogDirOf(
  { logsDir }: Pick<NodeContext, 'logsDir'>,
  { metadata: { namespace, name, uid } }: Pod,
): string {
  return join(logsDir, `${namespace}_${name}_${uid}`);
}

export function podPathOf({ metadata: { namespace, name } }: Pod): string {
  return `/api/v1/namespaces/${namespace}/pods/${name}`;
}
