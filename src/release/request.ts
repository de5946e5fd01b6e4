import type { ReleaseCluster } from '../cluster/release-port.ts';
import { InvalidRequestError } from '../errors.ts';
import type { LaunchDeps } from '../runs/finish.ts';
import type { JsonObject } from '../values/json.ts';
import type { Values } from '../values/parse-values.ts';

export interface ReleaseDeps {
  readonly cluster: ReleaseCluster;
  /** Launches the aggregation of `aggregator.release`; `allowed`, `now` and `wait` apply to releases too. */
  readonly launch: LaunchDeps;
  /** Returns a unique request id, which the Lease and the revisions record. */
  newId(): string;
}

/** What happened in a running call, in one sentence. */
export interface ReleaseEvent {
  readonly event:
    | 'recorded'
    | 'applied'
    | 'retrying'
    | 'waiting'
    | 'ready'
    | 'pod'
    | 'health'
    | 'failed'
    | 'rolling-back'
    | 'deleted'
    | 'committed';
  readonly message: string;
}

export type Report = (event: ReleaseEvent) => void;

/** The release that a call is about, the signal that ends the call, and who is informed of its progress. */
export interface Site {
  readonly release: string;
  readonly namespace: string;
  readonly signal: AbortSignal;
  readonly report?: Report | undefined;
}

/** A call that holds the Lease of the release. */
export interface Session extends Site {
  readonly deps: ReleaseDeps;
  readonly requestId: string;
  /** Called before every write. Throws BusyError if the Lease is lost or expires too soon. */
  readonly ensureLock: () => Promise<void>;
}

export const DEFAULT_WAIT_SEC = 300;
export const LEAST_WAIT_SEC = 10;
/** Reserved for the steps besides the two waits: checks, dry run, apply, evidence, records. */
const MARGIN_SEC = 60;

/** The parameters of `deploy`. */
export interface DeployRequest {
  readonly release: string;
  readonly namespace: string;
  readonly source:
    | { readonly kind: 'values'; readonly values: Values; readonly document: JsonObject }
    /** `undefined`: the previously deployed revision. */
    | { readonly kind: 'revision'; readonly revision: number | undefined };
  /** `client`: no call to the cluster. `server`: every step that does not write. */
  readonly dryRun: 'no' | 'client' | 'server';
  readonly adopt: boolean;
  /** Takes over the fields that conflict with other managers. A rollback always does. */
  readonly force: boolean;
  readonly waitSec: number;
  readonly onFailure: 'rollback' | 'keep';
  /** Is recorded with the revision; by default `deploy` or `rollback to N`. */
  readonly description?: string | undefined;
  readonly requestedBy?: string | undefined;
  /** Is called with every event of the call. */
  readonly report?: Report | undefined;
}

/** The longest wait, in seconds, that leaves time for a rollback with the same wait. */
export function longestWaitSec(requestTimeoutMs: number, onFailure: DeployRequest['onFailure']): number {
  return Math.floor((requestTimeoutMs / 1_000 - MARGIN_SEC) / (onFailure === 'rollback' ? 2 : 1));
}

/**
 * The wait of a call in seconds: as requested, else five minutes or the longest that the function's deadline allows.
 * Throws InvalidRequestError for a wait that would outlast the function.
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
