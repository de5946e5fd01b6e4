import { decodeObject, decodeParsed } from '../decode/decode.ts';
import { isDryRun, validationMode } from '../decode/strictness.ts';
import { recordUpdate } from '../fields/record.ts';
import type { Answer } from '../http/answer.ts';
import { checkQuery, managerOf } from '../http/request.ts';
import { ensureFields, fieldsAt, numberAt, stringAt } from '../json.ts';
import type { Fields } from '../json.ts';
import { updateObject } from '../operations/update.ts';
import { formatSelector } from '../printers/cells.ts';
import { conflict, invalid, methodNotAllowed, notImplemented } from '../status.ts';
import { draftOf } from '../types.ts';
import type { Draft, KubeObject } from '../types.ts';
import { invalidValue } from '../validation/faults.ts';
import { answerFields, namespaceOf } from './context.ts';
import type { Call } from './context.ts';
import { applyPatch, patchTypeOf } from './patch.ts';
import { requireObject } from './read.ts';

const scaleKind = { group: 'autoscaling', version: 'v1', kind: 'Scale', struct: 'autoscaling.Scale' } as const;

/** GET, PUT and PATCH of deployments/NAME/scale and replicasets/NAME/scale. */
export const handleScale = (call: Call): Answer => {
  switch (call.request.method) {
    case 'GET':
    case 'HEAD':
      checkQuery(call.request, 'get', ['resourceVersion']);
      return answerFields(call, 200, scaleOf(requireObject(call)));
    case 'PUT':
      return replaceScale(call);
    case 'PATCH':
      return patchScale(call);
    default:
      throw methodNotAllowed();
  }
};

/** What the Scale of a Deployment or ReplicaSet says. */
const scaleOf = (object: KubeObject): Fields => {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const replicas = numberAt(object, 'spec', 'replicas') ?? 0;
  return {
    kind: scaleKind.kind,
    apiVersion: `${scaleKind.group}/${scaleKind.version}`,
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { ...(replicas > 0 && { replicas }) },
    status: {
      replicas: numberAt(object, 'status', 'replicas') ?? 0,
      selector: formatSelector(fieldsAt(object, 'spec', 'selector')),
    },
  };
};

const replaceScale = (call: Call): Answer => {
  checkQuery(call.request, 'update', ['dryRun', 'fieldManager', 'fieldValidation']);
  const { draft, warnings } = decodeObject(call.request, scaleKind);
  return write(call, () => draft, isDryRun(call.request, 'UpdateOptions'), warnings);
};

const patchScale = (call: Call): Answer => {
  checkQuery(call.request, 'patch', ['dryRun', 'fieldManager', 'fieldValidation', 'force']);
  const type = patchTypeOf(call);
  if (type === 'apply') throw notImplemented(`server-side apply of ${call.resource.plural}/scale`);
  const asScale: Call = { ...call, resource: { ...call.resource, struct: scaleKind.struct } };
  const mode = validationMode(call.request, 'PatchOptions');
  const change = (old: KubeObject): Draft =>
    decodeParsed({ fields: applyPatch(asScale, type, scaleOf(old)), duplicates: [] }, scaleKind, mode).draft;
  return write(call, change, isDryRun(call.request, 'PatchOptions'), []);
};

const write = (
  call: Call,
  scaled: (old: KubeObject) => Draft,
  dryRun: boolean,
  warnings: readonly string[],
): Answer => {
  const options = { manager: managerOf(call.request), dryRun, subresource: 'scale', keepManagedFields: true } as const;
  const change = (old: KubeObject): Draft => {
    const scale = scaled(old);
    check(call, scale, old);
    const replicas = numberAt(scale, 'spec', 'replicas') ?? 0;
    const draft = draftOf(old);
    // A Scale of 0 has no field that says so: nobody owns `replicas` then, as if it had been taken out.
    ensureFields(draft, 'spec')['replicas'] = replicas === 0 ? undefined : replicas;
    recordUpdate(call.resource, old, draft, options, call.cluster.now());
    ensureFields(draft, 'spec')['replicas'] = replicas;
    draft.metadata['resourceVersion'] = stringAt(scale.metadata, 'resourceVersion');
    return draft;
  };
  const object = updateObject(call.cluster, call.resource, namespaceOf(call), call.target.name ?? '', change, options);
  return answerFields(call, 200, scaleOf(object), warnings);
};

const check = ({ resource }: Call, scale: Draft, old: KubeObject): void => {
  const { name } = old.metadata;
  const replicas = numberAt(scale, 'spec', 'replicas') ?? 0;
  if (replicas < 0) {
    const fault = invalidValue('spec.replicas', replicas, 'must be greater than or equal to 0');
    throw invalid(scaleKind.kind, scaleKind.group, name, [fault]);
  }
  const uid = stringAt(scale.metadata, 'uid');
  if (uid !== '' && uid !== old.metadata.uid) {
    const because = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${old.metadata.uid}`;
    throw conflict({ ...resource, plural: `${resource.plural}/scale` }, name, because);
  }
};
