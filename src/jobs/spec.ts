import { createHash } from 'node:crypto';
import type {
  V1Affinity,
  V1PodSecurityContext,
  V1ResourceRequirements,
  V1SecurityContext,
  V1Toleration,
} from '@kubernetes/client-node';

/** The members of one of client-node's classes, as a plain object. */
type Plain<T> = Pick<T, keyof T>;

/** A key of a Secret. */
export interface SecretKey {
  readonly secret: string;
  readonly key: string;
}

/** What the aggregator's later interface (bundles) needs; all of it or none. */
export interface BundleInterface {
  readonly resourcePath: string;
  readonly outputResourcePath: string;
  readonly repositoryUrl: string;
  readonly modelsToken: SecretKey;
  readonly repositoryApiKey: SecretKey;
  readonly exportType: 'checkpoint' | 'saved_model' | 'bundle';
}

/**
 * One aggregation, every default applied and every placeholder filled: what a run's claim holds, what its Job is
 * built from, and what two requests of the same id are compared by. Fields are named as in the values.
 */
export interface AggregationSpec extends Partial<BundleInterface> {
  readonly aggregationId: string;
  readonly namespace: string;
  readonly releaseName: string;
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: string;
  readonly pullPolicy: 'Always' | 'IfNotPresent' | 'Never';
  readonly checkpointsFilePath: string;
  readonly outputPath: string;
  readonly aggregationType: 'cma' | 'wcma';
  readonly serviceAccount?: SecretKey & { readonly mountPath: string };
  readonly resources?: V1ResourceRequirements;
  readonly nodeSelector?: Readonly<Record<string, string>>;
  readonly tolerations?: readonly V1Toleration[];
  readonly affinity?: V1Affinity;
  readonly priorityClassName?: string;
  readonly serviceAccountName?: string;
  readonly imagePullSecrets?: readonly string[];
  readonly queueName?: string;
  readonly spot?: boolean;
  readonly activeDeadlineSeconds: number;
  readonly backoffLimit: number;
  readonly ttlSecondsAfterFinished: number;
  readonly podLabels?: Readonly<Record<string, string>>;
  readonly podAnnotations?: Readonly<Record<string, string>>;
  readonly podSecurityContext?: Plain<V1PodSecurityContext>;
  readonly securityContext?: Plain<V1SecurityContext>;
  readonly schedule?: string;
}

/** One field that two specs of the same id disagree on. */
export interface SpecConflict {
  readonly field: string;
  readonly claimed: unknown;
  readonly requested: unknown;
}

/** JSON with sorted keys and without `undefined`: equal specs have equal text, whatever order they were written in. */
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

/** 16 hex digits that identify a spec; the Job carries them so that a Job found under the name can be told from ours. */
export function specHash(spec: unknown): string {
  return createHash('sha256').update(canonicalJson(spec)).digest('hex').slice(0, 16);
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

/** The image reference of a spec: `repository@digest`, else `repository:tag`. */
export function imageOf(spec: Pick<AggregationSpec, 'repository' | 'tag' | 'digest'>): string {
  return spec.digest === undefined ? `${spec.repository}:${spec.tag ?? 'latest'}` : `${spec.repository}@${spec.digest}`;
}
