import type { ApiRequest } from '../http/request.ts';
import type { Resource } from '../resources/resource.ts';
import { parseFieldSelector } from '../selectors/fields.ts';
import { parseLabelSelector } from '../selectors/labels.ts';
import { badRequest, invalid, StatusError } from '../status.ts';
import type { Cause } from '../status.ts';
import type { Store } from '../store/store.ts';
import type { KubeObject } from '../types.ts';
import { forbiddenField, notSupported } from '../validation/faults.ts';

export type Matcher = (object: KubeObject) => boolean;

/** Namespace, label selector and field selector of a list, a watch or a deletion of many. */
export function matcherOf(request: ApiRequest, resource: Resource, namespace: string | undefined): Matcher {
  const labelSelector = request.query.get('labelSelector') ?? '';
  const fieldSelector = request.query.get('fieldSelector') ?? '';
  const labels = labelSelector === '' ? undefined : parseLabelSelector(labelSelector);
  const fields = fieldSelector === '' ? undefined : parseFieldSelector(fieldSelector, resource);
  return (object) =>
    (namespace === undefined || object.metadata.namespace === namespace) &&
    (labels === undefined || labels(object.metadata.labels ?? {})) &&
    (fields === undefined || fields(object));
}

/** A resourceVersion of a query: `undefined` when it is not given. Throws 400 when it is no number. */
export function versionOf(request: ApiRequest): number | undefined {
  const text = request.query.get('resourceVersion') ?? '';
  if (text === '') return undefined;
  if (/^\d+$/.test(text)) return Number(text);
  throw badRequest(
    `invalid resource version: resourceVersion: Invalid value: ${JSON.stringify(text)}: strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`,
  );
}

/** A whole number of a query. */
export function countOf(request: ApiRequest, name: string): number | undefined {
  const text = request.query.get(name) ?? '';
  if (text === '') return undefined;
  if (/^-?\d+$/.test(text)) return Number(text);
  throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
}

/** A boolean of a query: anything but `0` and `false` is true, even nothing; `false` when absent. */
export function flagOf(request: ApiRequest, name: string): boolean {
  const text = request.query.get(name);
  return text !== null && text !== '0' && text.toLowerCase() !== 'false';
}

/** 504 for a version that is not there yet. */
export function checkNotAhead(store: Store, version: number | undefined): void {
  const current = store.resourceVersion();
  if (version === undefined || version <= current) return;
  throw new StatusError(504, 'Timeout', `Timeout: Too large resource version: ${version}, current: ${current}`, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  });
}

/** `resourceVersionMatch` of a list; see https://kubernetes.io/docs/reference/using-api/api-concepts/#semantics-for-get-and-list. */
export function versionMatchOf(request: ApiRequest): 'Exact' | 'NotOlderThan' | undefined {
  const match = request.query.get('resourceVersionMatch') ?? '';
  if (match === '') return undefined;
  function fail(fault: Cause): StatusError {
    return invalid('ListOptions', 'meta.k8s.io', '', [fault]);
  }
  if (match !== 'Exact' && match !== 'NotOlderThan')
    throw fail(notSupported('resourceVersionMatch', match, ['Exact', 'NotOlderThan', '']));
  const version = versionOf(request);
  if (version === undefined)
    throw fail(
      forbiddenField('resourceVersionMatch', 'resourceVersionMatch is forbidden unless resourceVersion is provided'),
    );
  if ((request.query.get('continue') ?? '') !== '')
    throw fail(forbiddenField('resourceVersionMatch', 'resourceVersionMatch is forbidden when continue is provided'));
  if (match === 'Exact' && version === 0)
    throw fail(
      forbiddenField('resourceVersionMatch', 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'),
    );
  return match;
}
