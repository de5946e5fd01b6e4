import { decodeParsed } from '../decode/decode.ts';
import type { Decoded } from '../decode/decode.ts';
import { duplicateFields } from '../decode/duplicates.ts';
import { goSyntaxError, mediaTypeOf } from '../decode/parse.ts';
import { duplicateField, isDryRun, validationMode } from '../decode/strictness.ts';
import type { FieldValidation } from '../decode/strictness.ts';
import type { Answer } from '../http/answer.ts';
import { checkQuery, managerOf } from '../http/request.ts';
import { isFields } from '../json.ts';
import type { Fields } from '../json.ts';
import { updateObject } from '../operations/update.ts';
import { jsonPatchFaults } from '../patch/json-patch-faults.ts';
import { jsonPatch } from '../patch/json-patch.ts';
import { mergePatch } from '../patch/merge.ts';
import { strategicMerge } from '../patch/strategic.ts';
import { badRequest, invalid, StatusError } from '../status.ts';
import type { Draft, KubeObject } from '../types.ts';
import { DecodeError } from '../schema/decode-errors.ts';
import { forbiddenField, invalidValue } from '../validation/faults.ts';
import { handleApply } from './apply.ts';
import { answerObject, namespaceOf } from './context.ts';
import type { Call } from './context.ts';

const patchParameters = ['dryRun', 'fieldManager', 'fieldValidation', 'force'];

type PatchType = 'json' | 'merge' | 'strategic' | 'apply';

const patchTypes: Readonly<Record<string, PatchType>> = {
  'application/json-patch+json': 'json',
  'application/merge-patch+json': 'merge',
  'application/strategic-merge-patch+json': 'strategic',
  'application/apply-patch+yaml': 'apply',
};

/** Which kind of patch the body is. Throws 415 for any other type. */
export function patchTypeOf(call: Call): PatchType {
  const type = patchTypes[mediaTypeOf(call.request)];
  if (type !== undefined) return type;
  throw new StatusError(415, 'UnsupportedMediaType', '415: Unsupported Media Type', {});
}

/** PATCH of an object, or of its status. */
export function handlePatch(call: Call, subresource?: 'status'): Answer {
  const requested = patchTypeOf(call);
  if (requested === 'apply') return handleApply(call, subresource);
  // Narrowed by its declaration: a hoisted function does not see the check above.
  const type: Exclude<PatchType, 'apply'> = requested;
  checkQuery(call.request, 'patch', patchParameters);
  if (call.request.query.has('force')) {
    throw invalid('PatchOptions', 'meta.k8s.io', '', [
      forbiddenField('force', 'may not be specified for non-apply patch'),
    ]);
  }
  const warnings: string[] = [];
  function change(old: KubeObject): Draft {
    const mode = validationMode(call.request, 'PatchOptions');
    const patched = applyPatch(call, type, { ...old });
    const decoded = decodePatched(call, type, patched, mode);
    warnings.push(...decoded.warnings);
    call.resource.applyDefaults?.(decoded.draft);
    return decoded.draft;
  }
  const options = {
    manager: managerOf(call.request),
    dryRun: isDryRun(call.request, 'PatchOptions'),
    ...(subresource !== undefined && { subresource }),
  };
  const object = updateObject(call.cluster, call.resource, namespaceOf(call), call.target.name ?? '', change, options);
  return answerObject(call, 200, object, warnings);
}

/** A patch that leaves something undecodable is invalid (422), where a body like that is a bad request (400). */
export function decodePatched(
  call: Call,
  type: Exclude<PatchType, 'apply'>,
  patched: Fields,
  mode: FieldValidation,
): Decoded {
  const text = call.request.body.toString('utf8');
  const faults = type === 'json' ? jsonPatchFaults(text) : duplicateFields(text).map(duplicateField);
  try {
    return decodeParsed(patched, faults, call.resource, mode);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw invalid('', '', '', [invalidValue('patch', JSON.stringify(patched), error.fault)]);
  }
}

/** The target with the body's patch applied. */
export function applyPatch(call: Call, type: Exclude<PatchType, 'apply'>, target: Fields): Fields {
  const patch = readPatch(call, type);
  const patched = type === 'json' ? jsonPatch(target, patch) : mergeInto(call, type, target, patch);
  if (!isFields(patched)) throw badRequest('the patch leaves no object');
  return patched;
}

function readPatch(call: Call, type: Exclude<PatchType, 'apply'>): unknown {
  try {
    return JSON.parse(call.request.body.toString('utf8'));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw badRequest(`${type === 'strategic' ? '' : 'error decoding patch: '}${goSyntaxError(error)}`);
  }
}

function mergeInto(call: Call, type: 'merge' | 'strategic', target: Fields, patch: unknown): unknown {
  if (!isFields(patch)) {
    const fault = `json: cannot unmarshal ${Array.isArray(patch) ? 'array' : typeof patch} into Go value of type map[string]interface {}`;
    throw badRequest(type === 'strategic' ? fault : `error decoding patch: ${fault}`);
  }
  return type === 'merge' ? mergePatch(target, patch) : strategicMerge(call.resource.struct, target, patch);
}
