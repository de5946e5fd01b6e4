import { UnavailableError } from '../errors.ts';
import type { Attempt, Refusal } from './api-errors.ts';
import { applyOutcome } from './apply-answers.ts';
import type { Caller } from './call.ts';
import { FIELD_MANAGER } from './jobs.ts';
import { pathOf } from './object-paths.ts';
import { listPages, pageExpired } from './pages.ts';
import type { CallOptions } from './port.ts';
import type { RawRequest } from './raw-call.ts';
import { sendJson } from './raw-call.ts';
import type { Applied, KubeObject, ObjectRef, Objects } from './release-port.ts';

type Target = Omit<ObjectRef, 'name'> & { readonly name?: string };

const WRITE = { fieldManager: FIELD_MANAGER, fieldValidation: 'Strict' } as const;

/** Objects of any kind, over the transport of the generated clients, as JSON. */
export function createObjects(call: Caller): Objects {
  return {
    ...createWrites(call),

    getObject: async (ref, options) =>
      call({
        ...attempt('get', ref, options),
        isIdempotent: true,
        send: async (sendOptions) =>
          readObject((await sendJson(sendOptions, { method: 'GET', path: pathOf(ref).path })).json),
        outcome: isAbsent,
      }),

    listObjects: async (kind, labelSelector, options) =>
      listPages((page) =>
        call({
          ...attempt('list', kind, options),
          isIdempotent: true,
          send: async (sendOptions) => {
            const query = { labelSelector, limit: String(page.limit), continue: page._continue };
            const { json } = await sendJson(sendOptions, { method: 'GET', path: pathOf(kind).path, query });
            return readPage(json, kind);
          },
          outcome: (refusal) => (refusal.status === 404 ? { items: [] } : pageExpired(refusal)),
        }),
      ),

    deleteObject: async (ref, options) =>
      call({
        ...attempt('delete', ref, options),
        // The uid makes a repeat harmless.
        isIdempotent: true,
        send: async (sendOptions) => {
          const { uid, resourceVersion } = options;
          const preconditions = { uid, ...(resourceVersion !== undefined && { resourceVersion }) };
          const body = { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy: 'Background', preconditions };
          await sendJson(sendOptions, { method: 'DELETE', path: pathOf(ref).path, body });
          return 'deleted' as const;
        },
        outcome: ({ status }) => (status === 404 || status === 409 ? ('absent' as const) : undefined),
      }),

    // As k8s.io/client-go/util/csaupgrade does it: the version makes sure that nobody has changed anything in between.
    replaceManagedFields: async (object, managedFields, options) =>
      call({
        ...attempt('patch', refOf(object), options),
        isIdempotent: false,
        send: async (sendOptions) => {
          const body = [
            { op: 'replace', path: '/metadata/managedFields', value: managedFields },
            { op: 'replace', path: '/metadata/resourceVersion', value: object.metadata.resourceVersion ?? '' },
          ];
          const contentType = 'application/json-patch+json';
          const request: RawRequest = { method: 'PATCH', path: pathOf(refOf(object)).path, body, contentType };
          return readObject((await sendJson(sendOptions, request)).json);
        },
        outcome: ({ status }) => (status === 409 || status === 404 ? ('conflict' as const) : undefined),
      }),
  };
}

function createWrites(call: Caller): Pick<Objects, 'applyObject' | 'createObject' | 'replaceObject'> {
  function write(method: 'POST' | 'PUT', path: string, body: KubeObject): RawRequest {
    return {
      method,
      path,
      query: WRITE,
      body,
    };
  }
  return {
    applyObject: async (object, options) =>
      call<Applied, Applied>({
        ...attempt('patch', refOf(object), options),
        isIdempotent: true,
        send: async (sendOptions) => {
          const { status, json } = await sendJson(sendOptions, {
            method: 'PATCH',
            path: pathOf(refOf(object)).path,
            query: {
              ...WRITE,
              force: String(options?.force === true),
              ...(options?.dryRun === true && { dryRun: 'All' }),
            },
            body: object,
            contentType: 'application/apply-patch+yaml',
          });
          return { kind: 'applied', object: readObject(json), created: status === 201 };
        },
        outcome: applyOutcome,
      }),

    createObject: async (object, options) =>
      call({
        ...attempt('create', refOf(object), options),
        isIdempotent: false,
        send: async (sendOptions) => {
          const { apiVersion, kind, namespace } = refOf(object);
          const { path } = pathOf({ apiVersion, kind, namespace });
          return readObject((await sendJson(sendOptions, write('POST', path, object))).json);
        },
        outcome: ({ status, reason }) =>
          status === 409 && reason === 'AlreadyExists' ? ('exists' as const) : undefined,
      }),

    replaceObject: async (object, options) =>
      call({
        ...attempt('update', refOf(object), options),
        isIdempotent: false,
        send: async (sendOptions) =>
          readObject((await sendJson(sendOptions, write('PUT', pathOf(refOf(object)).path, object))).json),
        outcome: ({ status }) => (status === 409 || status === 404 ? ('conflict' as const) : undefined),
      }),
  };
}

function attempt(verb: Attempt['verb'], target: Target, options: CallOptions | undefined) {
  const { resource, apiGroup } = pathOf(target);
  const { namespace, name } = target;
  return { verb, resource, apiGroup, namespace, ...(name !== undefined && { name }), options };
}

function refOf({ apiVersion, kind, metadata }: KubeObject): ObjectRef {
  return {
    apiVersion,
    kind,
    namespace: metadata.namespace ?? '',
    name: metadata.name,
  };
}

function readObject(json: unknown): KubeObject {
  if (isKubeObject(json)) return json;
  throw new UnavailableError('The API server answered something that is no object.');
}

function isKubeObject(json: unknown): json is KubeObject {
  return (
    typeof json === 'object' &&
    json !== null &&
    'metadata' in json &&
    typeof json.metadata === 'object' &&
    json.metadata !== null &&
    'name' in json.metadata
  );
}

function isAbsent({ status }: Refusal): null | undefined {
  return status === 404 ? null : undefined;
}

/** The items of a list have neither apiVersion nor kind of their own. */
function readPage(json: unknown, { apiVersion, kind }: Target) {
  if (typeof json !== 'object' || json === null || !('items' in json) || !Array.isArray(json.items)) {
    throw new UnavailableError('The API server answered something that is no list.');
  }
  const items = json.items.filter(isKubeObject).map((item) => ({ ...item, apiVersion, kind }));
  const metadata = 'metadata' in json && typeof json.metadata === 'object' ? json.metadata : null;
  const next = metadata !== null && 'continue' in metadata ? metadata.continue : undefined;
  return { items, metadata: { ...(typeof next === 'string' && { _continue: next }) } };
}
