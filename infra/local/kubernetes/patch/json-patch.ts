import fastJsonPatch from 'fast-json-patch';
import type { Operation } from 'fast-json-patch';
import { isFields } from '../json.ts';
import type { Fields } from '../json.ts';
import { badRequest, StatusError } from '../status.ts';

const operationLimit = 10_000;

/** Applies a JSON patch (RFC 6902). Throws 400 if it is no patch, 422 for an operation that cannot be done. */
export function jsonPatch(target: Fields, patch: unknown): unknown {
  if (!Array.isArray(patch)) {
    const shape = isFields(patch) ? 'object' : typeof patch;
    throw badRequest(
      `error decoding patch: json: cannot unmarshal ${shape} into Go value of type []handlers.jsonPatchOp`,
    );
  }
  if (patch.length > operationLimit) {
    throw new StatusError(
      413,
      'RequestEntityTooLarge',
      `The allowed maximum operations in a JSON patch is ${operationLimit}, got ${patch.length}`,
    );
  }
  try {
    const operations: readonly Operation[] = structuredClone(patch);
    for (const operation of operations) checkPaths(operation);
    return fastJsonPatch.applyPatch(target, operations, true, false).newDocument;
  } catch {
    // The API server gives this answer for every operation that cannot be done.
    throw new StatusError(422, 'Invalid', 'the server rejected our request due to an error in our request', {});
  }
}

/** RFC 6901 allows no leading zero in an array index; fast-json-patch accepts one. */
function checkPaths({ path }: Operation): void {
  if (/\/0\d+(?:\/|$)/.test(path)) throw new RangeError(`${path}: leading zero`);
}
