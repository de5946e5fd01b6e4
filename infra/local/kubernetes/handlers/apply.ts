import { parseBody } from '../decode/parse.ts';
import { isDryRun, validationMode } from '../decode/strictness.ts';
import { applyConfig } from '../fields/apply.ts';
import type { Applied } from '../fields/apply.ts';
import { readManagers } from '../fields/managers.ts';
import type { Manager, ManagerId } from '../fields/managers.ts';
import { ownable, recordCreate, setManagers } from '../fields/record.ts';
import { typeFaults } from '../fields/typed.ts';
import type { Answer } from '../http/answer.ts';
import { checkQuery } from '../http/request.ts';
import { fieldsAt, stringAt } from '../json.ts';
import type { Fields } from '../json.ts';
import { createObject } from '../operations/create.ts';
import { updateObject } from '../operations/update.ts';
import { canonical } from '../operations/write.ts';
import { apiVersionOf, objectKey, resourceKey } from '../resources/resource.ts';
import { zeroOf } from '../schema/conform.ts';
import { DecodeError } from '../schema/decode-errors.ts';
import { badRequest, conflict, invalid, modified, notFound, StatusError } from '../status.ts';
import { asDraft } from '../types.ts';
import type { Draft, KubeObject } from '../types.ts';
import { required } from '../validation/faults.ts';
import { answerObject, namespaceOf } from './context.ts';
import type { Call } from './context.ts';
import { flagOf } from './list-query.ts';

const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';

/** PATCH with application/apply-patch+yaml: makes the object, or changes what of it this manager owns. */
export function handleApply(call: Call, subresource?: 'status'): Answer {
  checkQuery(call.request, 'apply', ['dryRun', 'fieldManager', 'fieldValidation', 'force']);
  const manager = call.request.query.get('fieldManager') ?? '';
  if (manager === '')
    throw invalid('PatchOptions', 'meta.k8s.io', '', [required('fieldManager', 'is required for apply patch')]);
  const { config, warnings } = readConfig(call);
  const namespace = namespaceOf(call);
  const name = call.target.name ?? '';
  const by: ManagerId = { manager, operation: 'Apply', subresource: subresource ?? '' };
  const options = {
    manager,
    dryRun: isDryRun(call.request, 'PatchOptions'),
    keepManagedFields: true,
    ...(subresource !== undefined && { subresource }),
  };
  const old = call.cluster.get(resourceKey(call.resource), objectKey(namespace, name));
  if (old !== undefined) {
    function change(current: KubeObject): Draft {
      return applied(call, current, config, by);
    }
    return answerObject(
      call,
      200,
      updateObject(call.cluster, call.resource, namespace, name, change, options),
      warnings,
    );
  }
  if (subresource !== undefined) throw notFound(call.resource, name);
  return answerObject(
    call,
    201,
    createObject(call.cluster, call.resource, namespace, createdBy(call, config, by), options),
    warnings,
  );
}

function readConfig(call: Call): { readonly config: Fields; readonly warnings: readonly string[] } {
  const mode = validationMode(call.request, 'PatchOptions');
  const { fields, duplicates } = parseBody(call.request, call.resource.kind);
  checkConfig(call, fields);
  const faults = typeFaults(call.resource.struct, fields);
  if (faults.length > 0) {
    const version = call.resource.group === '' ? `/${call.resource.version}` : apiVersionOf(call.resource);
    const what = `${stringAt(fields, 'metadata', 'namespace')}/${stringAt(fields, 'metadata', 'name')}; ${version}, Kind=${call.resource.kind}`;
    const list = faults.length === 1 ? (faults[0] ?? '') : `errors:\n${faults.map((fault) => `  ${fault}`).join('\n')}`;
    throw new StatusError(500, undefined, `failed to create typed patch object (${what}): ${list}`);
  }
  if (mode === 'Strict' && duplicates.length > 0)
    throw badRequest(`error strict decoding YAML: error converting YAML to JSON: yaml: ${duplicates.join(', ')}`);
  return { config: fields, warnings: mode === 'Warn' ? duplicates : [] };
}

function checkConfig({ resource, target }: Call, config: Fields): void {
  const kind = stringAt(config, 'kind');
  const version = stringAt(config, 'apiVersion');
  if (kind !== resource.kind || version !== apiVersionOf(resource)) {
    throw badRequest(`invalid object type: ${version.includes('/') ? version : `/${version}`}, Kind=${kind}`);
  }
  const metadata = fieldsAt(config, 'metadata');
  if (metadata['managedFields'] !== undefined && metadata['managedFields'] !== null)
    throw badRequest('metadata.managedFields must be nil');
  const name = stringAt(metadata, 'name');
  if (name !== '' && name !== target.name)
    throw badRequest(`the name of the object (${name}) does not match the name on the URL (${target.name ?? ''})`);
  const namespace = stringAt(metadata, 'namespace');
  if (namespace !== '' && namespace !== target.namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
}

function applied(call: Call, old: KubeObject, config: Fields, by: ManagerId): Draft {
  const version = stringAt(config, 'metadata', 'resourceVersion');
  if (version !== '' && version !== old.metadata.resourceVersion) throw modified(call.resource, old.metadata.name);
  const managers = managersOf(call, old);
  const result = apply(call, ownable({ ...old }), config, { by, managers });
  return draftFrom(call, result, by, config);
}

/** Before its first apply, an object without managers belongs to the manager that wrote it. */
function managersOf(call: Call, old: KubeObject): readonly Manager[] {
  const managers = readManagers(old.metadata.managedFields);
  if (managers.length > 0) return managers;
  const draft = asDraft(structuredClone(ownable({ ...old })));
  recordCreate(call.resource, draft, 'before-first-apply', call.cluster.now());
  return readManagers(draft.metadata['managedFields']);
}

function apply(
  call: Call,
  live: Fields,
  config: Fields,
  { by, managers }: { readonly by: ManagerId; readonly managers: readonly Manager[] },
): Applied {
  return applyConfig({
    resource: call.resource,
    live,
    config: ownable(config),
    managers,
    by,
    force: flagOf(call.request, 'force'),
    now: call.cluster.now(),
  });
}

function draftFrom(call: Call, result: Applied, by: ManagerId, config: Fields): Draft {
  const draft = toDraft(call, result.object);
  call.resource.applyDefaults?.(draft);
  setManagers(call.resource, draft, result.managers);
  keepLastApplied(draft, by, config);
  return draft;
}

/** The schema has been checked by then; what is left to go wrong is the inside of a scalar, such as base64. */
function toDraft({ resource }: Call, object: Fields): Draft {
  try {
    return canonical(resource, object);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    const kind = `${resource.group}/${resource.version}, Kind=${resource.kind}`;
    const name = stringAt(object, 'metadata', 'name');
    throw new StatusError(
      500,
      undefined,
      `failed to convert new object (${stringAt(object, 'metadata', 'namespace')}/${name}; ${kind}) to proper version: unable to convert unstructured object to ${kind}: error decoding from json: ${error.fault}`,
    );
  }
}

/** For a later client-side `kubectl apply` of the same object, which compares with this annotation. */
function keepLastApplied(draft: Draft, { manager }: ManagerId, config: Fields): void {
  const annotations = draft.metadata['annotations'];
  if (manager !== 'kubectl' || typeof annotations !== 'object' || annotations === null || !(lastApplied in annotations))
    return;
  draft.metadata['annotations'] = { ...annotations, [lastApplied]: `${JSON.stringify(config)}\n` };
}

function createdBy(call: Call, config: Fields, by: ManagerId): Draft {
  const uid = stringAt(config, 'metadata', 'uid');
  if (uid !== '') {
    throw conflict(
      call.resource,
      call.target.name ?? '',
      `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`,
    );
  }
  const result = apply(call, zeroOf(call.resource.struct), config, { by, managers: [] });
  const draft = draftFrom(call, result, by, config);
  draft.metadata['name'] = call.target.name;
  delete draft.metadata['resourceVersion'];
  return draft;
}
