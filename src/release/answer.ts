import type { RunAnswer } from '../runs/answer.ts';
import type { Action, PlannedObject } from './apply.ts';
import type { ObjectDiff } from './diff.ts';
import type { Health } from './health.ts';
import type { Item } from './records.ts';
import type { TakenField } from './diff.ts';
import type { Evidence, Observation } from './rollout.ts';

export interface ObjectAnswer {
  readonly kind: string;
  readonly name: string;
  readonly action: Action;
  readonly ready?: boolean;
  /** Why it is not ready. */
  readonly why?: string;
}

/** The aggregation that was launched with the release, or why it was not. */
export type AggregationAnswer =
  | RunAnswer
  | { readonly outcome: 'failed'; readonly code: string; readonly detail: string };

/** The response of a deploy, a rollback or an uninstall. */
export interface ReleaseAnswer {
  readonly outcome:
    | 'deployed'
    | 'unchanged'
    | 'dry-run'
    | 'uninstalled'
    | 'forgotten'
    | 'rolled-back'
    | 'rollback-failed'
    | 'failed';
  readonly release: string;
  readonly namespace: string;
  /** The current revision; `null` if there is none. */
  readonly revision: number | null;
  /** Set when a deploy failed: the revision that it recorded. */
  readonly failedRevision?: number;
  readonly objects: readonly ObjectAnswer[];
  readonly diff: readonly ObjectDiff[];
  readonly notes: readonly string[];
  readonly warnings: readonly string[];
  readonly health: readonly Health[];
  /** Fields that other managers had set and that the release took over, with their former values. */
  readonly taken?: readonly TakenField[];
  readonly aggregation?: AggregationAnswer;
  /** One sentence. */
  readonly reason?: string;
  readonly evidence?: readonly Evidence[];
  /** Set when a deploy failed: the target of the rollback, and why the rollback failed if it did. */
  readonly rollback?: { readonly to: number | null; readonly reason?: string; readonly evidence?: readonly Evidence[] };
  /** Duration of each step in milliseconds. */
  readonly timings: Readonly<Record<string, number>>;
}

/** Measures the duration of steps. */
export interface Timings {
  step<T>(name: string, work: () => Promise<T>): Promise<T>;
  all(): Readonly<Record<string, number>>;
}

export function createTimings(now: () => Date): Timings {
  const startedAt = now().getTime();
  const steps = new Map<string, number>();
  return {
    step: async (name, work) => {
      const from = now().getTime();
      try {
        return await work();
      } finally {
        steps.set(name, (steps.get(name) ?? 0) + now().getTime() - from);
      }
    },
    all: () => ({ ...Object.fromEntries(steps), totalMs: now().getTime() - startedAt }),
  };
}

export function objectAnswers(
  plan: readonly PlannedObject[],
  pruned: readonly Item[] = [],
  observation?: Observation,
): ObjectAnswer[] {
  return [
    ...plan.map(({ desired, action }) => {
      const { kind, metadata } = desired;
      return { kind, name: metadata.name, action, ...readyOf(observation, kind, metadata.name) };
    }),
    ...pruned.map(({ kind, name }) => ({ kind, name, action: 'pruned' as const })),
  ];
}

function readyOf(
  observation: Observation | undefined,
  kind: string,
  name: string,
): Pick<ObjectAnswer, 'ready' | 'why'> {
  const found = observation?.readiness.find((one) => one.kind === kind && one.name === name);
  if (found === undefined) return {};
  return {
    ready: found.verdict.kind === 'ready',
    ...(found.verdict.kind !== 'ready' && { why: found.verdict.why }),
  };
}

export function diffsOf(plan: readonly PlannedObject[]): ObjectDiff[] {
  return plan.flatMap(({ diff }) => (diff === null ? [] : [diff]));
}

/** The field `taken` of an answer, absent if it is empty. */
export function takenOf(taken: readonly TakenField[]): Pick<ReleaseAnswer, 'taken'> {
  return taken.length === 0 ? {} : { taken };
}
