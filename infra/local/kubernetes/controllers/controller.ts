import type { Cluster } from '../cluster.ts';
import type { Owners } from './owners.ts';

/** Something that acts on the cluster by itself until it is closed. */
export interface Controller {
  close(): void;
}

export interface ControllerContext {
  readonly cluster: Cluster;
  readonly owners: Owners;
  /** Called for errors in a controller's own work on `key`; they must not end the process. */
  readonly report: (key: string, error: unknown) => void;
}
