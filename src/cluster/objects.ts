import { type Issue, UnavailableError } from '../errors.ts';
import type { Operation, Refusal } from './api-errors.ts';
import { type Caller, listPages, pageExpired, type RawRequest, sendJson } from './call.ts';
import { FIELD_MANAGER } from './jobs.ts';
import type { CallOptions } from './port.ts';
import type { Applied, FieldConflict, KubeObject, ObjectRef, Objects } from './release-port.ts';

type Target = Omit<ObjectRef, 'name'> & { readonly name?: string };

interface Resource {
  /** The plural in paths and in RBAC rules. */
  readonly plural: string;
  readonly apiVersion: string;
  readonly clusterScoped?: boolean;
}

/** The kinds that releases use. */
const RESOURCES: Readonly<Record<string, Resource>> = {
  Namespace: { plural: 'namespaces', apiVersion: 'v1', clusterScoped: true },
  ConfigMap: { plural: 'configmaps', apiVersion: 'v1' },
  Service: { plural: 'services', apiVersion: 'v1' },
  Deployment: { plural: 'deployments', apiVersion: 'apps/v1' },
  ReplicaSet: { plural: 'replicasets', apiVersion: 'apps/v1' },
  EndpointSlice: { plural: 'endpointslices', apiVersion: 'discovery.k8s.io/v1' },
  Lease: { plural: 'leases', apiVersion: 'coordination.k8s.io/v1' },
  HorizontalPodAutoscaler: { plural: 'horizontalpodautoscalers', apiVersion: 'autoscaling/v2' },
  PodDisruptionBudget: { plural: 'poddisruptionbudgets', apiVersion: 'policy/v1' },
  NetworkPolicy: { plural: 'networkpolicies', apiVersion: 'networking.k8s.io/v1' },
  Mapping: { plural: 'mappings', apiVersion: 'getambassador.io/v3alpha1' },
  HTTPRoute: { plural: 'httproutes', apiVersion: 'gateway.networking.k8s.io/v1' },
};

interface ObjectPath {
  readonly resource: string;
  readonly apiGroup: string;
  /** Path of the object, or of the collection if there is no name. */
  readonly path: string;
}

const WRITE = { fieldManager: FIELD_MANAGER, fieldValidation: 'Strict' } as const;

const IMMUTABLE = /immutable|may not change|cannot be (?:changed|unset)/i;

/** Objects of the kinds that releases use, as JSON, over the connections of the generated clients. */
export function createObjects(call: Caller): Objects {
  return {
    ...createWrites(call),

    getObject: async (ref, options) =>
      call({
        ...operation('get', ref, options),
        isIdempotent: true,
        send: async (sendOptions) =>
          readObject((await sendJson(sendOptions, { method: 'GET', path: pathOf(ref).path })).json),
        outcome: isAbsent,
      }),

    listObjects: async (kind, labelSelector, options) =>
      listPages((page) =>
        call({
          ...operation('list', kind, options),
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
        ...operation('delete', ref, options),
        // The uid makes a repeat safe.
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

    // As in k8s.io/client-go/util/csaupgrade: the resourceVersion rules out a change in between.
    replaceManagedFields: async (object, managedFields, options) =>
      call({
        ...operation('patch', refOf(object), options),
        isIdempotent: false,
        send: async (sendOptions) => {
          const body = [
            { op: 'replace', path: '/metadata/managedFields', value: managedFields },
            ...(options?.labels === undefined
              ? []
              : [{ op: 'replace', path: '/metadata/labels', value: options.labels }]),
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
        ...operation('patch', refOf(object), options),
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
        ...operation('create', refOf(object), options),
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
        ...operation('update', refOf(object), options),
        isIdempotent: false,
        send: async (sendOptions) =>
          readObject((await sendJson(sendOptions, write('PUT', pathOf(refOf(object)).path, object))).json),
        outcome: ({ status }) => (status === 409 || status === 404 ? ('conflict' as const) : undefined),
      }),
  };
}

function operation(verb: Operation['verb'], target: Target, options: CallOptions | undefined) {
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
  throw new UnavailableError('The API server sent a response that is not an object.');
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

/** The items of a list have no apiVersion and no kind. */
function readPage(json: unknown, { apiVersion, kind }: Target) {
  if (typeof json !== 'object' || json === null || !('items' in json) || !Array.isArray(json.items)) {
    throw new UnavailableError('The API server sent a response that is not a list.');
  }
  const items = json.items.filter(isKubeObject).map((item) => ({ ...item, apiVersion, kind }));
  const metadata = 'metadata' in json && typeof json.metadata === 'object' ? json.metadata : null;
  const next = metadata !== null && 'continue' in metadata ? metadata.continue : undefined;
  return { items, metadata: { ...(typeof next === 'string' && { _continue: next }) } };
}

/** The API path of an object or its collection. Throws TypeError for a kind that releases do not use. */
function pathOf(ref: Omit<ObjectRef, 'name'> & { readonly name?: string }): ObjectPath {
  const resource = Object.hasOwn(RESOURCES, ref.kind) ? RESOURCES[ref.kind] : undefined;
  if (resource === undefined || resource.apiVersion !== ref.apiVersion) {
    throw new TypeError(`Releases do not use objects of ${ref.apiVersion} ${ref.kind}.`);
  }
  const slash = ref.apiVersion.indexOf('/');
  const base = slash < 0 ? `/api/${ref.apiVersion}` : `/apis/${ref.apiVersion}`;
  const scope = resource.clusterScoped === true ? '' : `/namespaces/${encodeURIComponent(ref.namespace)}`;
  const name = ref.name === undefined ? '' : `/${encodeURIComponent(ref.name)}`;
  return {
    resource: resource.plural,
    apiGroup: slash < 0 ? '' : ref.apiVersion.slice(0, slash),
    path: `${base}${scope}/${resource.plural}${name}`,
  };
}

/** The outcome of a refused apply; `undefined` for a refusal that is an error of the call. */
function applyOutcome(refusal: Refusal): Applied | undefined {
  const conflicts = refusal.status === 409 ? conflictsOf(refusal) : [];
  if (conflicts.length > 0) return { kind: 'conflict', conflicts };
  if (refusal.status === 404) {
    const message = `the cluster does not serve this kind, or has no such namespace (${refusal.message ?? '404'})`;
    return { kind: 'refused', immutable: false, issues: [{ path: 'kind', message }] };
  }
  if (!isWrongObject(refusal)) return undefined;
  const issues = issuesOf(refusal);
  return { kind: 'refused', immutable: issues.some(({ message }) => IMMUTABLE.test(message)), issues };
}

function conflictsOf({ causes = [] }: Refusal): FieldConflict[] {
  return causes
    .filter(({ reason }) => reason === 'FieldManagerConflict')
    .map(({ field, message }) => ({ field: field.replace(/^\./, ''), manager: managerOf(message) }));
}

/** From a message such as `conflict with "kubectl" with subresource "scale" using apps/v1`. */
function managerOf(message: string): string {
  return /^conflict with "([^"]*)"/.exec(message)?.[1] ?? message;
}

/** The API server answers 500, "failed to create typed patch object", for a field of the wrong type. */
function isWrongObject({ status, message = '' }: Refusal): boolean {
  return status === 400 || status === 422 || (status === 500 && /failed to create typed patch object/.test(message));
}

function issuesOf({ causes = [], message = '' }: Refusal): Issue[] {
  const issues = causes.map((cause) => ({ path: cause.field, message: cause.message }));
  if (issues.length > 0) return issues;
  const unknown = unknownFields(message);
  return unknown.length > 0 ? unknown : [{ path: '', message }];
}

/** `strict decoding error: unknown field "spec.foo", unknown field "spec.bar"`, or `.spec.foo: field not declared in schema`. */
function unknownFields(message: string): Issue[] {
  return [
    ...message.matchAll(
      /unknown field "([^"]+)"|duplicate field "([^"]+)"|\.([\w.[\]"=-]+): field not declared in schema/g,
    ),
  ].map(([text, unknown, duplicate, undeclared]) => ({
    path: unknown ?? duplicate ?? undeclared ?? '',
    message: text,
  }));
}
