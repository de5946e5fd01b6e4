import { stringAt } from '../json.ts';
import type { KubeObject } from '../types.ts';
import { remainingBackoffMs } from './backoff.ts';
import type { Condition, JobSpec } from './job-views.ts';
import { isReady, phaseOf } from './pod-views.ts';
import type { Tally } from './tally.ts';

/** Which pods to create and delete. */
export interface Plan {
  readonly create: number;
  readonly remove: readonly KubeObject[];
  /** The removed pods are not needed any more, and are let go uncounted; else they failed with their Job. */
  readonly isSurplus: boolean;
  /** How long pods that are due have to wait. */
  readonly waitMs: number;
}

const nothing: Plan = { create: 0, remove: [], isSurplus: false, waitMs: 0 };

export interface PlanContext {
  readonly now: Date;
  readonly backoffBaseMs: number;
}

export function planPods(
  job: KubeObject,
  spec: JobSpec,
  tally: Tally,
  verdict: Condition | undefined,
  context: PlanContext,
): Plan {
  if (verdict !== undefined) return { ...nothing, remove: tally.active };
  if (job.metadata.deletionTimestamp !== undefined) return nothing;
  if (spec.isSuspended) return { ...nothing, remove: tally.active, isSurplus: true };
  const active = tally.active.length;
  const wanted = wantedPods(spec, tally);
  if (active > wanted)
    return { ...nothing, remove: leastAdvanced(tally.active).slice(0, active - wanted), isSurplus: true };
  const create = wanted - active - (spec.replacesOnlyFailed ? tally.terminating : 0);
  if (create <= 0) return nothing;
  const waitMs = remainingBackoffMs(tally.backoff, context.backoffBaseMs, context.now.getTime());
  return waitMs > 0 ? { ...nothing, waitMs } : { ...nothing, create };
}

function wantedPods(spec: JobSpec, tally: Tally): number {
  if (spec.completions === undefined) return tally.succeeded > 0 ? tally.active.length : spec.parallelism;
  return Math.max(0, Math.min(spec.completions - tally.succeeded, spec.parallelism));
}

/** Those not on a node first, then those not ready, then the youngest: what is lost by deleting them is least. */
function leastAdvanced(pods: readonly KubeObject[]): readonly KubeObject[] {
  function rank(pod: KubeObject): number {
    if (stringAt(pod, 'spec', 'nodeName') === '') return 0;
    if (phaseOf(pod) === 'Pending') return 1;
    return isReady(pod) ? 3 : 2;
  }
  return pods.toSorted(
    (a, b) => rank(a) - rank(b) || b.metadata.creationTimestamp.localeCompare(a.metadata.creationTimestamp),
  );
}

/** The condition that says that the Job has reached what it was for. */
export function completionOf(spec: JobSpec, tally: Tally, plan: Plan): Condition | undefined {
  const active = tally.active.length - plan.remove.length + plan.create;
  const isComplete = spec.completions === undefined ? tally.succeeded > 0 : tally.succeeded >= spec.completions;
  if (!isComplete || active > 0) return undefined;
  const message = 'Reached expected number of succeeded pods';
  return { type: 'SuccessCriteriaMet', status: 'True', reason: 'CompletionsReached', message };
}
