import { duplicateFields } from '../decode/duplicates.ts';
import { duplicateField, unknownField } from '../decode/strictness.ts';
import { isFields } from '../json.ts';

const operationFields = new Set(['op', 'from', 'path', 'value']);

/** The errors of fieldValidation for a JSON patch that can be applied: unknown and duplicate fields of operations. */
export function jsonPatchFaults(text: string): readonly string[] {
  const patch: unknown = JSON.parse(text);
  const unknown = (Array.isArray(patch) ? patch : []).flatMap((operation: unknown, index) =>
    isFields(operation)
      ? Object.keys(operation)
          .filter((name) => !operationFields.has(name))
          .map((name) => `[${index}].${name}`)
      : [],
  );
  return [...duplicateFields(text).map(duplicateField), ...unknown.map(unknownField)].map(
    (fault) => `json patch ${fault}`,
  );
}
