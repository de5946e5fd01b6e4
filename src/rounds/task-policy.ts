import { ConflictError, InvalidRequestError, NotFoundError } from '../errors.ts';
import type { CallOptions } from '../storage/port.ts';
import { hasObjects } from '../storage/port.ts';
import { formatGsUri } from '../storage/uri.ts';
import type { RoundsDeps } from './deps.ts';
import type { Ledger } from './ledger.ts';
import { ledgerUri } from './paths.ts';
import type { RoundPolicy } from './policy.ts';
import { taskIdProblem, taskPrefix } from './update.ts';

/**
 * The policy in force for a task: that of the pattern its ledger was begun with, else of the only pattern it has uploads
 * under. Throws ConflictError when that pattern is gone or ambiguous, NotFoundError when there is none.
 */
export async function policyOf(
  deps: RoundsDeps,
  taskId: string,
  ledger: Ledger | null,
  call: CallOptions,
): Promise<RoundPolicy> {
  const problem = taskIdProblem(taskId);
  if (problem !== null) throw new InvalidRequestError(`taskId: "${taskId.slice(0, 100)}" is ${problem}`);
  const policies = await deps.policies(call);
  if (ledger !== null) return byLedger(deps, policies, taskId, ledger.uploads);
  if (policies.length === 0) throw new NotFoundError('The values hold no rounds[]: no task is counted.');
  return byUploads(deps, policies, taskId, call);
}

function byLedger(deps: RoundsDeps, policies: readonly RoundPolicy[], taskId: string, uploads: string): RoundPolicy {
  const found = policies.find((policy) => policy.uploads.text === uploads);
  if (found !== undefined) return found;
  throw new ConflictError(
    `Task "${taskId}" was counted by rounds[].uploads ${uploads}, and the values do not hold that pattern any more. Put it back; ` +
      `or use new taskIds under the new pattern; or move the folder of ${formatGsUri(ledgerUri(deps.stateUri, taskId))} away to count the task anew.`,
    { details: { taskId, uploads, patterns: policies.map((policy) => policy.uploads.text) } },
  );
}

async function byUploads(
  deps: RoundsDeps,
  policies: readonly RoundPolicy[],
  taskId: string,
  call: CallOptions,
): Promise<RoundPolicy> {
  const [only] = policies;
  if (only !== undefined && policies.length === 1) return only;
  const found = await Promise.all(
    policies.map(({ uploads }) =>
      hasObjects(deps.store, { bucket: uploads.bucket, prefix: taskPrefix(uploads, taskId) }, call),
    ),
  );
  const [first, second] = policies.filter((_, index) => found[index]);
  if (first === undefined) throw new NotFoundError(`Task "${taskId}" has neither state nor uploads.`);
  if (second === undefined) return first;
  throw new ConflictError(
    `Task "${taskId}" has uploads under ${first.uploads.text} and under ${second.uploads.text}: one task's updates must lie under one pattern.`,
  );
}
