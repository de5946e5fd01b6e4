import { randomUUID } from 'node:crypto';
import type { V1Job } from '@kubernetes/client-node';
import type { Jobs } from '../cluster/port.ts';
import { AppError, ConflictError, isAmbiguous, UnavailableError, UpstreamError } from '../errors.ts';
import { ANNOTATIONS } from './manifest.ts';

export interface EnsureDeps {
  readonly cluster: Jobs;
  /** Resolves after `ms`, or rejects when `signal` aborts. */
  wait(ms: number, signal?: AbortSignal): Promise<void>;
}

export type EnsuredJob =
  /** `created`: by this call, of any number of calls at once by one of them. `adopted`: by another call. */
  | { readonly kind: 'created' | 'adopted'; readonly job: V1Job }
  /** The API server refused the Job, and no earlier request of this call can have created it. */
  | { readonly kind: 'refused'; readonly error: UpstreamError };

const MAX_TRIES = 3;
const FIRST_PAUSE_MS = 200;

/**
 * Creates `wanted` exactly once. The name identifies the Job: after a create that timed out or was cut off, the Job is
 * read by its name before the next create. An annotation identifies the call that created it, because several calls
 * may lose their answers at once.
 *
 * Throws ConflictError when another Job has the name, and UnavailableError or DeadlineError when it is unknown whether
 * the Job exists; the call is safe to repeat.
 */
export async function ensureJob(deps: EnsureDeps, wanted: V1Job, signal?: AbortSignal): Promise<EnsuredJob> {
  const options = { signal };
  const { namespace, name } = nameOf(wanted);
  const requestId = randomUUID();
  const marked = withRequestId(wanted, requestId);
  let doubt: AppError | undefined;
  for (let attempt = 0; attempt < MAX_TRIES; attempt += 1) {
    if (attempt > 0) await deps.wait(FIRST_PAUSE_MS * 2 ** (attempt - 1), signal);
    try {
      const job = await deps.cluster.createJob(marked, options);
      if (job !== 'exists') return { kind: 'created', job };
    } catch (error) {
      if (error instanceof UpstreamError && doubt === undefined) return { kind: 'refused', error };
      if (!(error instanceof AppError) || !isAmbiguous(error)) throw error;
      doubt = error;
    }
    const found = await deps.cluster.getJob(namespace, name, options);
    if (found !== null) {
      const isOwn = found.metadata?.annotations?.[ANNOTATIONS.createdBy] === requestId;
      return { kind: isOwn ? 'created' : 'adopted', job: assertSame(found, wanted) };
    }
  }
  if (doubt !== undefined) throw doubt;
  throw new UnavailableError(
    `Job ${namespace}/${name} existed and disappeared ${MAX_TRIES} times in a row; repeat the call.`,
  );
}

function withRequestId(job: V1Job, requestId: string): V1Job {
  const annotations = Object.assign({}, job.metadata?.annotations, { [ANNOTATIONS.createdBy]: requestId });
  return Object.assign({}, job, { metadata: Object.assign({}, job.metadata, { annotations }) });
}

function nameOf(job: V1Job): { namespace: string; name: string } {
  return {
    namespace: job.metadata?.namespace ?? '',
    name: job.metadata?.name ?? '',
  };
}

function assertSame(found: V1Job, wanted: V1Job): V1Job {
  if (isSame(found, wanted)) return found;
  const { namespace, name } = nameOf(wanted);
  const owner = found.metadata?.annotations?.[ANNOTATIONS.aggregationId];
  const whose =
    owner === undefined ? 'another program created it' : `it belongs to run "${owner}" or to another specification`;
  const remedy = `Choose another aggregationId, or remove it: kubectl delete job ${name} --namespace ${namespace}`;
  throw new ConflictError(`Job ${namespace}/${name} already exists, and ${whose}. ${remedy}`, {
    details: { job: { namespace, name, uid: found.metadata?.uid } },
  });
}

function isSame(found: V1Job, wanted: V1Job): boolean {
  return [ANNOTATIONS.aggregationId, ANNOTATIONS.specHash].every(
    (key) => found.metadata?.annotations?.[key] === wanted.metadata?.annotations?.[key],
  );
}
