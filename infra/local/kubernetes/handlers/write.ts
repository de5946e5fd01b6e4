import { decodeObject } from '../decode/decode.ts';
import { isDryRun } from '../decode/strictness.ts';
import type { Answer } from '../http/answer.ts';
import { checkQuery, managerOf } from '../http/request.ts';
import { stringAt } from '../json.ts';
import { createObject } from '../operations/create.ts';
import { updateObject } from '../operations/update.ts';
import { objectKey, resourceKey } from '../resources/resource.ts';
import { badRequest } from '../status.ts';
import type { Draft } from '../types.ts';
import { answerObject, namespaceOf } from './context.ts';
import type { Call } from './context.ts';

const writeParameters = ['dryRun', 'fieldManager', 'fieldValidation'];

/** POST to a collection. */
export function handleCreate(call: Call): Answer {
  checkQuery(call.request, 'create', writeParameters);
  const dryRun = isDryRun(call.request, 'CreateOptions');
  const { draft, warnings } = decodeObject(call.request, call.resource);
  call.resource.applyDefaults?.(draft);
  const manager = managerOf(call.request);
  const object = createObject(call.cluster, call.resource, namespaceOf(call), draft, { manager, dryRun });
  return answerObject(call, 201, object, [...warnings, ...warningsOf(call, draft)]);
}

function warningsOf(call: Call, draft: Draft): readonly string[] {
  return call.resource.warnings?.(draft) ?? [];
}

/** PUT of an object, or of its status. */
export function handleReplace(call: Call, subresource?: 'status'): Answer {
  checkQuery(call.request, 'update', writeParameters);
  const dryRun = isDryRun(call.request, 'UpdateOptions');
  const { draft, warnings } = decodeObject(call.request, call.resource);
  call.resource.applyDefaults?.(draft);
  const options = {
    manager: managerOf(call.request),
    dryRun,
    isReplacement: true,
    ...(subresource !== undefined && { subresource }),
  };
  if (isCreation(call, subresource)) {
    const name = stringAt(draft.metadata, 'name');
    if (name === '')
      throw badRequest(
        `the name of the object (${call.target.name ?? ''} based on URL) was undeterminable: name must be provided`,
      );
    if (name !== call.target.name)
      throw badRequest(
        `the name of the object (${name}) does not match the name on the URL (${call.target.name ?? ''})`,
      );
    return answerObject(
      call,
      201,
      createObject(call.cluster, call.resource, namespaceOf(call), draft, options),
      warnings,
    );
  }
  const name = call.target.name ?? '';
  const object = updateObject(call.cluster, call.resource, namespaceOf(call), name, () => draft, options);
  return answerObject(call, 200, object, [...warnings, ...warningsOf(call, draft)]);
}

/** Leases and Events can be made by PUT. */
function isCreation(call: Call, subresource: string | undefined): boolean {
  return (
    subresource === undefined &&
    call.resource.createOnUpdate === true &&
    call.cluster.get(resourceKey(call.resource), objectKey(namespaceOf(call), call.target.name ?? '')) === undefined
  );
}
