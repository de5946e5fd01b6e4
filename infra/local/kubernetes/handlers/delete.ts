import { parseBody } from '../decode/parse.ts';
import { dryRunOf } from '../decode/strictness.ts';
import type { Answer } from '../http/answer.ts';
import { checkQuery } from '../http/request.ts';
import type { ApiRequest } from '../http/request.ts';
import { listOf } from '../http/views.ts';
import { fieldsAt, listAt, numberAt, stringAt } from '../json.ts';
import type { Fields } from '../json.ts';
import { removeObject } from '../operations/remove.ts';
import type { DeleteOptions, Removal } from '../operations/remove.ts';
import { isProtobuf, parseProtobuf } from '../protobuf/envelope.ts';
import { resourceKey } from '../resources/resource.ts';
import { conform } from '../schema/conform.ts';
import { badRequest, invalid } from '../status.ts';
import type { Cause, StatusError } from '../status.ts';
import { invalidValue, notSupported } from '../validation/faults.ts';
import { answerFields, answerObject, namespaceOf } from './context.ts';
import type { Call } from './context.ts';
import { countOf, matcherOf } from './list-query.ts';

const deleteParameters = ['dryRun', 'gracePeriodSeconds', 'propagationPolicy', 'orphanDependents'];

const orphanWarning =
  'child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning';

const expected = { group: '', version: 'v1', kind: 'DeleteOptions', struct: 'meta.DeleteOptions' };

/** DELETE of one object. */
export function handleDelete(call: Call): Answer {
  checkQuery(call.request, 'delete', deleteParameters);
  const options = readOptions(call.request);
  const removal = removeObject(call.cluster, call.resource, namespaceOf(call), call.target.name ?? '', options);
  const orphansSilently = call.resource.defaultPropagation === 'orphan' && options.propagationPolicy === undefined;
  const warnings = orphansSilently ? [orphanWarning] : [];
  if (!removal.gone || call.resource.returnsDeleted === true) return answerObject(call, 200, removal.object, warnings);
  return answerFields(call, 200, successOf(call, removal), warnings);
}

/** DeleteOptions of the body; of the query when there is no body. */
function readOptions(request: ApiRequest): DeleteOptions {
  const body = request.body.length === 0 ? {} : bodyOptions(request);
  const fromQuery = request.body.length === 0 ? queryOptions(request) : {};
  const given = { ...body, ...fromQuery };
  const dryRun = dryRunOf([...request.query.getAll('dryRun'), ...listAt(given, 'dryRun').map(String)], 'DeleteOptions');
  const grace = numberAt(given, 'gracePeriodSeconds');
  const policy = policyOf(given);
  const { uid, resourceVersion } = fieldsAt(given, 'preconditions');
  return {
    dryRun,
    ...(grace !== undefined && { gracePeriodSeconds: grace }),
    ...(policy !== undefined && { propagationPolicy: policy }),
    preconditions: {
      ...(typeof uid === 'string' && { uid }),
      ...(typeof resourceVersion === 'string' && { resourceVersion }),
    },
  };
}

function bodyOptions(request: ApiRequest): Fields {
  const { fields } = isProtobuf(request) ? parseProtobuf(request.body, expected) : parseBody(request, expected.kind);
  const kind = stringAt(fields, 'kind');
  if (kind !== '' && kind !== 'DeleteOptions') {
    throw badRequest(
      `no kind "${kind}" is registered for version "${stringAt(fields, 'apiVersion')}" in scheme "pkg/api/legacyscheme/scheme.go:30"`,
    );
  }
  return conform(expected.struct, fields, { kind: expected.kind, unknownFields: [] });
}

function queryOptions(request: ApiRequest): Fields {
  const grace = countOf(request, 'gracePeriodSeconds');
  const policy = request.query.get('propagationPolicy');
  const orphan = request.query.get('orphanDependents');
  return {
    ...(grace !== undefined && { gracePeriodSeconds: grace }),
    ...(policy !== null && policy !== '' && { propagationPolicy: policy }),
    ...(orphan !== null && { orphanDependents: orphan === 'true' }),
  };
}

function policyOf(given: Fields): DeleteOptions['propagationPolicy'] {
  const policy = given['propagationPolicy'];
  const orphan = given['orphanDependents'];
  if (policy === undefined || policy === null) {
    if (typeof orphan !== 'boolean') return undefined;
    return orphan ? 'Orphan' : 'Background';
  }
  function faulty(fault: Cause): StatusError {
    return invalid('DeleteOptions', 'meta.k8s.io', '', [fault]);
  }
  if (typeof orphan === 'boolean') {
    throw faulty(
      invalidValue('propagationPolicy', policy, 'orphanDependents and deletionPropagation cannot be both set'),
    );
  }
  if (policy === 'Orphan' || policy === 'Background' || policy === 'Foreground') return policy;
  throw faulty(notSupported('propagationPolicy', policy, ['Foreground', 'Background', 'Orphan', 'nil']));
}

function successOf({ resource }: Call, { object }: Removal): Fields {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: {
      name: object.metadata.name,
      ...(resource.group !== '' && { group: resource.group }),
      kind: resource.plural,
      uid: object.metadata.uid,
    },
  };
}

/** DELETE of a collection: every object that matches. */
export function handleDeleteCollection(call: Call): Answer {
  checkQuery(call.request, 'delete', [
    ...deleteParameters,
    'labelSelector',
    'fieldSelector',
    'limit',
    'continue',
    'resourceVersion',
    'resourceVersionMatch',
    'timeoutSeconds',
  ]);
  const options = readOptions(call.request);
  const matches = matcherOf(call.request, call.resource, namespaceOf(call));
  const objects = [...call.cluster.all(resourceKey(call.resource)).values()].filter(matches);
  for (const { metadata } of objects)
    removeObject(call.cluster, call.resource, metadata.namespace, metadata.name, options);
  return answerFields(
    call,
    200,
    listOf(call.resource, objects, { resourceVersion: `${call.cluster.store.resourceVersion()}` }),
  );
}
