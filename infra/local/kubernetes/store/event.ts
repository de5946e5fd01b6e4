import type { KubeObject } from '../types.ts';

/** One committed change. `object` carries the resourceVersion of the change, also when it is a deletion. */
export interface StoreEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  /** `jobs.batch`. */
  readonly resource: string;
  /** `namespace/name`, or `name` for what has no namespace. */
  readonly key: string;
  readonly object: KubeObject;
  readonly previous?: KubeObject;
  readonly resourceVersion: number;
}
