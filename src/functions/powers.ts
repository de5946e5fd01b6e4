import type { Issue } from '../errors.ts';
import { ForbiddenError } from '../errors.ts';
import { canonicalJson } from '../jobs/spec.ts';
import type { AggregatorValues } from '../values/aggregator-schema.ts';

/** What configuration permits callers beyond the fields that are always theirs. */
export interface Powers {
  /** Paths such as `aggregator.nodeSelector` (CALLER_FIELDS). */
  readonly callerFields: readonly string[];
  /** URLs, or prefixes that end in "/" (ALLOWED_REPOSITORY_URLS). */
  readonly repositoryUrls: readonly string[];
  /** Kubernetes service accounts (ALLOWED_SERVICE_ACCOUNTS). */
  readonly serviceAccounts: readonly string[];
}

// What a caller decides about its own aggregation. Images, buckets and namespaces have allow-lists of their own, Secrets
// the function's Role. A field that is not listed, also one that is added to the schema later, is the operator's.
const OF_CALLERS: ReadonlySet<string> = new Set<keyof AggregatorValues>([
  'release',
  'releaseName',
  'repository',
  'tag',
  'digest',
  'pullPolicy',
  'aggregationId',
  'aggregationType',
  'checkpointsFilePath',
  'outputPath',
  'onOutputExists',
  'resourcePath',
  'outputResourcePath',
  'exportType',
  'serviceAccount',
  'resources',
  'activeDeadlineSeconds',
  'backoffLimit',
  'ttlSecondsAfterFinished',
  'schedule',
  'concurrencyPolicy',
]);

/**
 * Throws ForbiddenError where the values of a call (the request's merged over the configured ones) differ from the
 * configured values in a field that only an operator may set: these fields decide which identity a pod has, where a
 * token is sent, and which nodes and admission webhooks see the pod. A field that is left empty counts as not set. Pure.
 */
export function assertPowers(configured: AggregatorValues, requested: AggregatorValues, powers: Powers): void {
  const fields = new Map<string, unknown>([...Object.entries(configured), ...Object.entries(requested)]);
  const before = new Map<string, unknown>(Object.entries(configured));
  const after = new Map<string, unknown>(Object.entries(requested));
  const issues = [...fields.keys()].flatMap((field): Issue[] => {
    if (OF_CALLERS.has(field) || powers.callerFields.includes(`aggregator.${field}`)) return [];
    const value = after.get(field);
    return textOf(value) === textOf(before.get(field)) || isListed(field, value, powers) ? [] : [issueOf(field)];
  });
  if (issues.length === 0) return;
  throw new ForbiddenError(issues.map(({ path, message }) => `${path} ${message}`).join(' '), { details: { issues } });
}

/** Equal for equal values; the same for all empty ones. */
function textOf(value: unknown): string {
  const isEmpty = typeof value === 'object' && value !== null && Object.keys(value).length === 0;
  return value === undefined || value === null || value === '' || isEmpty ? '' : canonicalJson(value);
}

function isListed(field: string, value: unknown, { repositoryUrls, serviceAccounts }: Powers): boolean {
  if (typeof value !== 'string') return false;
  if (field === 'serviceAccountName') return serviceAccounts.includes(value);
  if (field !== 'repositoryUrl') return false;
  return repositoryUrls.some((entry) => value === entry || (entry.endsWith('/') && value.startsWith(entry)));
}

const LISTS: Readonly<Record<string, string>> = {
  repositoryUrl: 'ALLOWED_REPOSITORY_URLS',
  serviceAccountName: 'ALLOWED_SERVICE_ACCOUNTS',
};

function issueOf(field: string): Issue {
  const path = `aggregator.${field}`;
  const list = Object.hasOwn(LISTS, field) ? `add the value to ${LISTS[field]}, or ` : '';
  return {
    path,
    message: `differs from the configured values, and a caller may not set it. Set it in the configured values, ${list}add "${path}" to CALLER_FIELDS.`,
  };
}
