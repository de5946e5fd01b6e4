import type { Answer } from '../http/answer.ts';
import { negotiate } from '../http/negotiate.ts';
import { checkQuery } from '../http/request.ts';
import { listOf, metadataListOf, tableOf } from '../http/views.ts';
import type { Fields } from '../json.ts';
import { resourceKey } from '../resources/resource.ts';
import { expired } from '../status.ts';
import type { KubeObject } from '../types.ts';
import { answerFields, includeObjectOf, namespaceOf } from './context.ts';
import type { Call } from './context.ts';
import { decodeContinue, encodeContinue } from './continue-token.ts';
import { checkNotAhead, countOf, matcherOf, versionMatchOf, versionOf } from './list-query.ts';

export const listParameters = [
  'labelSelector',
  'fieldSelector',
  'limit',
  'continue',
  'resourceVersion',
  'resourceVersionMatch',
  'watch',
  'allowWatchBookmarks',
  'timeoutSeconds',
  'sendInitialEvents',
  'includeObject',
];

interface Page {
  readonly objects: readonly KubeObject[];
  readonly metadata: Fields;
}

/** GET of a collection. */
export function handleList(call: Call): Answer {
  checkQuery(call.request, 'list', listParameters);
  countOf(call.request, 'timeoutSeconds');
  const page = readPage(call);
  const { as } = negotiate(call.request.headers.accept, true);
  if (as === 'metadata') return answerFields(call, 200, metadataListOf(page.objects, page.metadata));
  if (as === 'object') return answerFields(call, 200, listOf(call.resource, page.objects, page.metadata));
  const options = { now: call.cluster.now(), includeObject: includeObjectOf(call), withColumns: true };
  return answerFields(call, 200, tableOf(call.resource, page.objects, page.metadata, options));
}

function readPage(call: Call): Page {
  const { request, resource, cluster } = call;
  const limit = countOf(request, 'limit') ?? 0;
  const token = request.query.get('continue') ?? '';
  const start = token === '' ? undefined : decodeContinue(token);
  const match = versionMatchOf(request);
  const asked = versionOf(request);
  checkNotAhead(cluster.store, start === undefined ? asked : undefined);
  const at = start === undefined ? (match === 'Exact' ? asked : undefined) : start.resourceVersion;
  const snapshot = snapshotAt(call, at, start?.after);
  const matches = matcherOf(request, resource, namespaceOf(call));
  const found = [...snapshot.objects]
    .filter(([key, object]) => (start === undefined || key > start.after) && matches(object))
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  const shown = limit > 0 ? found.slice(0, limit) : found;
  const rest = found.length - shown.length;
  const hasSelector = request.query.has('labelSelector') || request.query.has('fieldSelector');
  return {
    objects: shown.map(([, object]) => object),
    metadata: {
      resourceVersion: `${snapshot.version}`,
      ...(rest > 0 && {
        continue: encodeContinue({ resourceVersion: snapshot.version, after: shown.at(-1)?.[0] ?? '' }),
      }),
      ...(rest > 0 && !hasSelector && { remainingItemCount: rest }),
    },
  };
}

/** The objects at a version of the store, so that the pages of one list belong together; 410 when that is forgotten. */
function snapshotAt(
  { cluster, resource }: Call,
  version: number | undefined,
  after: string | undefined,
): { readonly objects: ReadonlyMap<string, KubeObject>; readonly version: number } {
  const current = cluster.all(resourceKey(resource));
  const newest = cluster.store.resourceVersion();
  if (version === undefined || version < 0 || version >= newest) return { objects: current, version: newest };
  const objects = cluster.store.history.rewind(resourceKey(resource), current, version);
  if (objects !== null) return { objects, version };
  if (after === undefined) throw expired(`The resourceVersion for the provided list is too old.`);
  throw expired(
    'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.',
    { continue: encodeContinue({ resourceVersion: -1, after }) },
  );
}
