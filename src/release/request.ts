import type { ReleaseCluster } from '../cluster/release-port.ts';
import { InvalidRequestError } from '../errors.ts';
import type { LaunchDeps } from '../runs/finish.ts';
import type { JsonObject } from '../values/json.ts';
import type { Values } from '../values/parse-values.ts';

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

export const DEFAULT_WAIT_SEC = 300;
export const LEAST_WAIT_SEC = 10;
/** For everything but the two waits: checks, dry run, applying, evidence, the records. */
const MARGIN_SEC = 60;

/** What is asked of `deploy`. */
export interface DeployRequest {
  readonly release: string;
  readonly namespace: string;
  readonly source:
    | { readonly kind: 'values'; readonly values: Values; readonly document: JsonObject }
    /** `undefined`: the one that ran before. */
    | { readonly kind: 'revision'; readonly revision: number | undefined };
  /** `client`: no call to the cluster at all. `server`: everything but the writes. */
  readonly dryRun: 'no' | 'client' | 'server';
  readonly adopt: boolean;
  /** Takes over the fields that conflict with other managers. A rollback always does. */
  readonly force: boolean;
  readonly waitSec: number;
  readonly onFailure: 'rollback' | 'keep';
  readonly requestedBy?: string | undefined;
}

/** The longest wait that leaves time for a rollback that waits as long again. */
export function longestWaitSec(requestTimeoutMs: number, onFailure: DeployRequest['onFailure']): number {
  return Math.floor((requestTimeoutMs / 1_000 - MARGIN_SEC) / (onFailure === 'rollback' ? 2 : 1));
}

/**
 * The wait of a call: as asked for, else five minutes or what the function's own deadline leaves. Throws
 * InvalidRequestError for a wait that the function would not live to see the end of.
 */
export function chooseWaitSec(
  asked: number | undefined,
  requestTimeoutMs: number,
  onFailure: DeployRequest['onFailure'],
): number {
  const longest = longestWaitSec(requestTimeoutMs, onFailure);
  const waitSec = asked ?? Math.min(DEFAULT_WAIT_SEC, longest);
  if (waitSec <= longest && waitSec >= LEAST_WAIT_SEC) return waitSec;
  const message =
    longest < LEAST_WAIT_SEC
      ? `leaves no time to wait: REQUEST_TIMEOUT_SEC is ${Math.round(requestTimeoutMs / 1_000)}, and a wait, a rollback as long and ${MARGIN_SEC} s must fit`
      : `is ${waitSec}: the wait, a rollback as long and ${MARGIN_SEC} s must end before the function does (REQUEST_TIMEOUT_SEC); write ${LEAST_WAIT_SEC} to ${longest}`;
  throw new InvalidRequestError(`?timeoutSec ${message}.`, [{ path: '?timeoutSec', message }]);
}
