import type { CompleteAggregator } from '../values/complete-aggregator.ts';
import type { AggregationSpec } from './spec.ts';

/** What configuration says where values say nothing. */
export interface SpecDefaults {
  readonly namespace: string;
  readonly releaseName: string;
}

/** Job settings that nobody named. */
export const JOB_DEFAULTS = {
  pullPolicy: 'IfNotPresent',
  // As the chart: one more pod after a failed one.
  backoffLimit: 1,
  // The only bound on a pod that never gets to run.
  activeDeadlineSeconds: 6 * 3600,
  // `kubectl logs` and `describe` work for a week; the record outlives it.
  ttlSecondsAfterFinished: 7 * 24 * 3600,
} as const;

type Plain<T> = T extends readonly (infer E)[]
  ? Plain<E>[]
  : T extends object
    ? { [K in keyof T]: Plain<Exclude<T[K], undefined>> }
    : T;

const TYPE_NAMES = {
  cma: 'cma',
  wcma: 'wcma',
  CumulativeMovingAverage: 'cma',
  WeightedCumulativeMovingAverage: 'wcma',
} as const satisfies Record<CompleteAggregator['aggregationType'], 'cma' | 'wcma'>;

/** A complete aggregator as a specification, with every default applied and nothing filled in. */
export function buildSpec(
  aggregator: CompleteAggregator,
  aggregationId: string,
  namespace: string,
  defaults: SpecDefaults,
): AggregationSpec {
  const { release: _release, concurrencyPolicy: _policy, ...rest } = aggregator;
  return plain({
    ...JOB_DEFAULTS,
    releaseName: defaults.releaseName,
    ...plain(rest),
    namespace,
    aggregationId,
    aggregationType: TYPE_NAMES[aggregator.aggregationType],
  });
}

// A member that is `undefined` is one that was not given: as JSON, in which a claim is kept, it is not there at all.
function plain<T>(value: T): Plain<T> {
  return JSON.parse(JSON.stringify(value));
}
