import { createHash } from 'node:crypto';
import type { AggregatorValues } from '../values/aggregator-schema.ts';
import type { CompleteAggregator } from '../values/complete-aggregator.ts';

/** Configuration's defaults for fields that the values leave out. */
export interface SpecDefaults {
  readonly namespace: string;
  readonly releaseName: string;
}

/** The Job's own defaults. */
export const JOB_DEFAULTS = {
  pullPolicy: 'IfNotPresent',
  // As the chart: one more pod after a failed one.
  backoffLimit: 1,
  // The only limit on a pod that never starts.
  activeDeadlineSeconds: 6 * 3600,
  // `kubectl logs` and `kubectl describe` work for a week; the record stays longer.
  ttlSecondsAfterFinished: 7 * 24 * 3600,
} as const;

const TYPE_NAMES = {
  cma: 'cma',
  wcma: 'wcma',
  CumulativeMovingAverage: 'cma',
  WeightedCumulativeMovingAverage: 'wcma',
} as const satisfies Record<CompleteAggregator['aggregationType'], 'cma' | 'wcma'>;

/** Fields of the values' `aggregator` that decide about a request and are no part of its Job. */
type RequestField = 'release' | 'concurrencyPolicy';
type RequiredField =
  | keyof typeof JOB_DEFAULTS
  | 'releaseName'
  | 'aggregationId'
  | 'repository'
  | 'checkpointsFilePath'
  | 'outputPath';
type JobFields = Omit<AggregatorValues, RequestField | 'aggregationType'>;

/** `T` as it is read back from JSON: a member that is `undefined` does not exist. */
export type Plain<T> = T extends readonly (infer E)[]
  ? Plain<E>[]
  : T extends object
    ? { [K in keyof T]: Plain<Exclude<T[K], undefined>> }
    : T;

/**
 * One aggregation with every default applied and every placeholder filled. A run's claim stores it, its Job is built
 * from it, and two requests of the same id are compared by it. The fields are those of the values' `aggregator`
 * (`AggregatorSchema` declares them), with the namespace; `aggregationType` has its short name.
 */
export type AggregationSpec = Readonly<
  Plain<Omit<JobFields, RequiredField> & { [K in RequiredField]-?: NonNullable<JobFields[K]> }>
> & {
  readonly namespace: string;
  readonly aggregationType: 'cma' | 'wcma';
};

/** A key of a Secret. */
export type SecretKey = NonNullable<AggregationSpec['modelsToken']>;

/** One field in which two specifications of the same id differ. */
export interface SpecConflict {
  readonly field: string;
  readonly claimed: unknown;
  readonly requested: unknown;
}

/** A complete aggregator as a specification: every default is applied, placeholders stay unfilled. */
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
    ...(aggregator.resourcePath !== undefined && { exportType: 'bundle' as const }),
    ...plain(rest),
    namespace,
    aggregationId,
    aggregationType: TYPE_NAMES[aggregator.aggregationType],
  });
}

function plain<T>(value: T): Plain<T> {
  return JSON.parse(JSON.stringify(value));
}

/** The image reference of a spec: `repository@digest`, else `repository:tag`. */
export function imageOf(spec: Pick<AggregationSpec, 'repository' | 'tag' | 'digest'>): string {
  return spec.digest === undefined ? `${spec.repository}:${spec.tag ?? 'latest'}` : `${spec.repository}@${spec.digest}`;
}

/** 16 hexadecimal digits that identify a specification. The Job carries them as an annotation. */
export function specHash(spec: unknown): string {
  return createHash('sha256').update(canonicalJson(spec)).digest('hex').slice(0, 16);
}

/**
 * JSON with sorted keys and without `undefined`: equal values have equal text. Existing Jobs carry hashes of this text,
 * so its form must not change: keys that are integers come first, as in every JavaScript object. Libraries for stable
 * JSON sort those keys as text and would give another hash.
 */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(sorted(value));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(
    entries.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([key, member]) => [key, sorted(member)]),
  );
}

/** The top-level fields in which `requested` differs from `claimed`, in alphabetical order. */
export function specConflicts(claimed: object, requested: object): SpecConflict[] {
  const before = new Map<string, unknown>(Object.entries(claimed));
  const after = new Map<string, unknown>(Object.entries(requested));
  const fields = [...new Set([...before.keys(), ...after.keys()])].toSorted();
  return fields
    .filter((field) => canonicalJson([before.get(field)]) !== canonicalJson([after.get(field)]))
    .map((field) => ({ field, claimed: before.get(field) ?? null, requested: after.get(field) ?? null }));
}
