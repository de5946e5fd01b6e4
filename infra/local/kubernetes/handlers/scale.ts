import { decodeObject } from '../decode/decode.ts';
import { isDryRun, validationMode } from '../decode/strictness.ts';
import { recordUpdate } from '../fields/record.ts';
import type { Answer } from '../http/answer.ts';
import { checkQuery, managerOf } from '../http/request.ts';
import { ensureFields, fieldsAt, numberAt, stringAt } from '../json.ts';
import type { Fields } from '../json.ts';
import { updateObject } from '../operations/update.ts';
import { formatSelector } from '../printers/cells.ts';
import { invalid, methodNotAllowed, notImplemented } from '../status.ts';
import { draftOf } from '../types.ts';
import type { Draft, KubeObject } from '../types.ts';
import { invalidValue } from '../validation/faults.ts';
import { answerFields, namespaceOf } from './context.ts';
import type { Call } from './context.ts';
import { applyPatch, decodePatched, patchTypeOf } from './patch.ts';
import { requireObject } from './read.ts';

const scaleKind = { group: 'autoscaling', version: 'v1', kind: 'Scale', struct: 'autoscaling.Scale' } as const;

/** GET, PUT and PATCH of deployments/NAME/scale and replicasets/NAME/scale. */
export function handleScale(call: Call): Answer {
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
}

/** What the Scale of a Deployment or ReplicaSet says. */
function scaleOf(object: KubeObject): Fields {
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
}

function replaceScale(call: Call): Answer {
  checkQuery(call.request, 'update', ['dryRun', 'fieldManager', 'fieldValidation']);
  const { draft, warnings } = decodeObject(call.request, scaleKind);
  return write(call, () => draft, isDryRun(call.request, 'UpdateOptions'), warnings);
}

function write(call: Call, scaled: (old: KubeObject) => Draft, dryRun: boolean, warnings: readonly string[]): Answer {
  const options = {
    manager: managerOf(call.request),
    dryRun,
    subresource: 'scale',
    keepManagedFields: true,
    isReplacement: true,
  } as const;
  function change(old: KubeObject): Draft {
    const scale = scaled(old);
    const replicas = numberAt(scale, 'spec', 'replicas') ?? 0;
    check(replicas, old);
    const draft = draftOf(old);
    // A Scale of 0 has no field that says so: nobody owns `replicas` then, as if it had been taken out.
    ensureFields(draft, 'spec')['replicas'] = replicas === 0 ? undefined : replicas;
    recordUpdate(call.resource, old, draft, options, call.cluster.now());
    ensureFields(draft, 'spec')['replicas'] = replicas;
    for (const field of ['name', 'uid', 'resourceVersion']) draft.metadata[field] = stringAt(scale.metadata, field);
    return draft;
  }
  const object = updateObject(call.cluster, call.resource, namespaceOf(call), call.target.name ?? '', change, options);
  return answerFields(call, 200, scaleOf(object), warnings);
}

function check(replicas: number, { metadata }: KubeObject): void {
  if (replicas >= 0) return;
  const fault = invalidValue('spec.replicas', replicas, 'must be greater than or equal to 0');
  throw invalid(scaleKind.kind, scaleKind.group, metadata.name, [fault]);
}

function patchScale(call: Call): Answer {
  checkQuery(call.request, 'patch', ['dryRun', 'fieldManager', 'fieldValidation', 'force']);
  const requested = patchTypeOf(call);
  if (requested === 'apply') throw notImplemented(`server-side apply of ${call.resource.plural}/scale`);
  // Narrowed by its declaration: a hoisted function does not see the check above.
  const type: Exclude<typeof requested, 'apply'> = requested;
  const asScale: Call = { ...call, resource: { ...call.resource, ...scaleKind } };
  const mode = validationMode(call.request, 'PatchOptions');
  function change(old: KubeObject): Draft {
    return decodePatched(asScale, type, applyPatch(asScale, type, scaleOf(old)), mode).draft;
  }
  return write(call, change, isDryRun(call.request, 'PatchOptions'), []);
}
