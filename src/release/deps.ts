import type { LaunchDeps } from '../runs/finish.ts';
import type { ReleaseCluster } from '../cluster/release-port.ts';

export interface ReleaseDeps {
  readonly cluster: ReleaseCluster;
  /** For `aggregator.release`; its `allowed`, `now` and `wait` are the release's too. */
  readonly launch: LaunchDeps;
  /** A new identity for every call, in the Lease and in the revisions. */
  newId(): string;
}

/** A release, and the call that works on it. */
export interface Site {
  readonly release: string;
  readonly namespace: string;
  readonly signal: AbortSignal;
}

/** `Site` while the Lease is held. */
export interface Session extends Site {
  readonly deps: ReleaseDeps;
  readonly requestId: string;
  /** Before every write: throws BusyError when the Lease is no longer ours, or not for long enough. */
  readonly ensureLock: () => Promise<void>;
}
