import type { ServerResponse } from 'node:http';
import type { Answer } from '../http/answer.ts';
import { negotiate } from '../http/negotiate.ts';
import type { Wanted } from '../http/negotiate.ts';
import { checkQuery } from '../http/request.ts';
import { metadataOf, tableOf } from '../http/views.ts';
import type { Fields } from '../json.ts';
import { apiVersionOf, resourceKey } from '../resources/resource.ts';
import { badRequest, expired, invalid } from '../status.ts';
import type { StatusError } from '../status.ts';
import type { StoreEvent } from '../store/event.ts';
import type { KubeObject } from '../types.ts';
import { forbiddenField } from '../validation/faults.ts';
import { includeObjectOf, namespaceOf } from './context.ts';
import type { Call } from './context.ts';
import { countOf, flagOf, matcherOf, versionOf } from './list-query.ts';
import type { Matcher } from './list-query.ts';
import { listParameters } from './list.ts';

/** How long a watch lasts that does not say: between 30 and 60 minutes in the API server. */
const defaultTimeoutMs = 45 * 60_000;
const bookmarkEveryMs = 60_000;
/** A last bookmark comes this long before the end, so that the next watch starts from there. */
const lastBookmarkMs = 2_000;

interface Plan {
  /** Sends changes after this version. `undefined`: sends the present state as ADDED first. */
  readonly since: number | undefined;
  readonly marksEndOfState: boolean;
  readonly bookmarks: boolean;
  readonly timeoutMs: number;
}

interface Watch {
  readonly wanted: Wanted;
  readonly matches: Matcher;
  readonly plan: Plan;
}

interface Sender {
  change(event: StoreEvent): void;
  state(object: KubeObject): void;
  bookmark(annotations: Readonly<Record<string, string>>): void;
  error(status: StatusError): void;
}

/** GET of a collection with watch=true: one JSON document per line, until the time is up or the caller goes. */
export function handleWatch(call: Call): Answer {
  checkQuery(call.request, 'watch', listParameters);
  const wanted = negotiate(call.request.headers.accept);
  const matches = matcherOf(call.request, call.resource, namespaceOf(call));
  const plan = planOf(call);
  return { kind: 'stream', run: (response) => stream(call, { wanted, matches, plan }, response) };
}

function planOf({ request }: Call): Plan {
  if (flagOf(request, 'watch') && (request.query.get('continue') ?? '') !== '')
    throw badRequest('continue is not allowed for a watch');
  const version = versionOf(request);
  const initial = request.query.has('sendInitialEvents') ? flagOf(request, 'sendInitialEvents') : undefined;
  checkInitial(request.query.get('resourceVersionMatch') ?? '', initial);
  const isFromState = initial ?? (version === undefined || version === 0);
  const bookmarks = flagOf(request, 'allowWatchBookmarks');
  const seconds = countOf(request, 'timeoutSeconds') ?? 0;
  return {
    since: isFromState ? undefined : (version ?? 0),
    marksEndOfState: initial === true && bookmarks,
    bookmarks,
    timeoutMs: seconds > 0 ? seconds * 1000 : defaultTimeoutMs,
  };
}

function checkInitial(match: string, initial: boolean | undefined): void {
  function fail(field: string, detail: string): StatusError {
    return invalid('ListOptions', 'meta.k8s.io', '', [forbiddenField(field, detail)]);
  }
  if (initial !== undefined && match !== 'NotOlderThan') {
    throw fail('resourceVersionMatch', 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan');
  }
  if (initial === undefined && match !== '') {
    throw fail(
      'resourceVersionMatch',
      'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
    );
  }
}

function stream(call: Call, watch: Watch, response: ServerResponse): void {
  const { cluster } = call;
  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-cache, private' });
  // Without this, nothing is sent before the first event, and kubectl waits beyond its own timeout.
  response.flushHeaders();
  const send = createSender(call, watch, response);
  const resource = resourceKey(call.resource);
  let unsubscribe: () => void = () => {};
  const timers: NodeJS.Timeout[] = [];
  function stop(): void {
    unsubscribe();
    for (const timer of timers) clearTimeout(timer);
  }
  // `res` and not `req`: the request is closed as soon as its body has been read.
  response.on('close', stop);
  if (!sendPast(call, watch, send)) {
    response.end();
    return;
  }
  unsubscribe = cluster.store.subscribe((event) => {
    if (event.resource === resource) send.change(event);
  });
  timers.push(
    setTimeout(() => {
      stop();
      response.end();
    }, watch.plan.timeoutMs),
  );
  if (!watch.plan.bookmarks) return;
  function bookmark(): void {
    return send.bookmark({});
  }
  timers.push(
    setInterval(bookmark, bookmarkEveryMs),
    setTimeout(bookmark, Math.max(0, watch.plan.timeoutMs - lastBookmarkMs)),
  );
}

function createSender(call: Call, { wanted, matches, plan }: Watch, response: ServerResponse): Sender {
  let hasColumns = false;
  function write(type: string, object: Fields): void {
    response.write(`${JSON.stringify({ type, object })}\n`);
  }
  function view(object: KubeObject): Fields {
    if (wanted.as === 'object') return { ...object };
    if (wanted.as === 'metadata') return metadataOf(object);
    const options = { now: call.cluster.now(), includeObject: includeObjectOf(call), withColumns: !hasColumns };
    hasColumns = true;
    return tableOf(call.resource, [object], { resourceVersion: object.metadata.resourceVersion }, options);
  }
  return {
    state: (object) => write('ADDED', view(object)),
    change: (event) => {
      // A future version was requested: changes before it are not sent.
      if (plan.since !== undefined && event.resourceVersion <= plan.since) return;
      const type = typeFor(event, matches);
      if (type === undefined) return;
      const isLeaving = type === 'DELETED' && event.type !== 'DELETED';
      write(type, view(isLeaving ? leaving(event) : event.object));
    },
    bookmark: (annotations) => {
      const metadata = {
        resourceVersion: `${call.cluster.store.resourceVersion()}`,
        creationTimestamp: null,
        ...(Object.keys(annotations).length > 0 && { annotations }),
      };
      const kind =
        wanted.as === 'object'
          ? { kind: call.resource.kind, apiVersion: apiVersionOf(call.resource) }
          : viewKind(wanted);
      write('BOOKMARK', { ...kind, metadata, ...(wanted.as === 'table' && { columnDefinitions: null, rows: [] }) });
    },
    error: (status) => write('ERROR', status.toStatus()),
  };
}

/** What a change is to a watcher with a selector: an object that stops matching is gone, one that starts is new. */
function typeFor(event: StoreEvent, matches: Matcher): StoreEvent['type'] | undefined {
  const isIn = event.type !== 'DELETED' && matches(event.object);
  const wasIn = event.previous !== undefined && matches(event.previous);
  if (isIn) return wasIn ? 'MODIFIED' : 'ADDED';
  return wasIn ? 'DELETED' : undefined;
}

/** An object that left the selector is shown as it was, under the version at which it left. */
function leaving({ previous, object }: StoreEvent): KubeObject {
  return {
    ...(previous ?? object),
    metadata: { ...(previous ?? object).metadata, resourceVersion: object.metadata.resourceVersion },
  };
}

function viewKind({ as }: Wanted): Fields {
  return {
    kind: as === 'table' ? 'Table' : 'PartialObjectMetadata',
    apiVersion: 'meta.k8s.io/v1',
  };
}

/** Whether the watch can go on after what was before it. */
function sendPast(call: Call, { matches, plan }: Watch, send: Sender): boolean {
  const { store } = call.cluster;
  const resource = resourceKey(call.resource);
  if (plan.since === undefined) {
    const objects = [...store.all(resource)]
      .filter(([, object]) => matches(object))
      .toSorted(([a], [b]) => (a < b ? -1 : 1));
    for (const [, object] of objects) send.state(object);
    if (plan.marksEndOfState) send.bookmark({ 'k8s.io/initial-events-end': 'true' });
    return true;
  }
  const past = store.history.since(resource, plan.since);
  if (past === null) {
    send.error(expired(`too old resource version: ${plan.since} (${store.history.oldest()})`));
    return false;
  }
  for (const event of past) send.change(event);
  return true;
}
