import { isProtobuf, parseProtobuf } from '../protobuf/envelope.ts';
import { omit } from '../json.ts';
import type { Fields } from '../json.ts';
import type { ApiRequest } from '../http/request.ts';
import { apiVersionOf } from '../resources/resource.ts';
import { findKind } from '../resources/table.ts';
import { conform } from '../schema/conform.ts';
import { DecodeError } from '../schema/decode-errors.ts';
import { badRequest } from '../status.ts';
import { asDraft } from '../types.ts';
import type { Draft } from '../types.ts';
import { parseBody } from './parse.ts';
import { duplicateField, unknownField, validationMode } from './strictness.ts';
import type { FieldValidation } from './strictness.ts';

/** The expected kind: a resource, or a kind that is not stored (Binding, Scale). */
export interface Expected {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly struct: string;
}

export interface Decoded {
  readonly draft: Draft;
  /** Unknown and duplicate fields, under fieldValidation=Warn. */
  readonly warnings: readonly string[];
}

/**
 * Reads the object in a request's body: JSON, YAML or protobuf. Throws 400 for what is no such object and, under
 * fieldValidation=Strict, for fields that are unknown or stand twice; 415 for other media types.
 */
export function decodeObject(request: ApiRequest, expected: Expected): Decoded {
  const mode = validationMode(request, 'CreateOptions');
  const parsed = isProtobuf(request) ? parseProtobuf(request.body, expected) : parseBody(request, expected.kind);
  return decodeParsed(parsed.fields, parsed.duplicates.map(duplicateField), expected, mode);
}

/** The same for an object that has been parsed already, such as the outcome of a patch; its text may have had faults. */
export function decodeParsed(
  fields: Fields,
  faults: readonly string[],
  expected: Expected,
  mode: FieldValidation,
): Decoded {
  checkKind(fields, expected);
  const decoding = { kind: expected.kind, unknownFields: [] as string[] };
  const conformed = conform(expected.struct, omit(fields, 'kind', 'apiVersion'), decoding);
  const complaints = [...faults, ...decoding.unknownFields.map(unknownField)];
  if (mode === 'Strict' && complaints.length > 0) {
    throw new DecodeError(expected.kind, `strict decoding error: ${complaints.join(', ')}`);
  }
  return {
    draft: asDraft({ kind: expected.kind, apiVersion: apiVersionOf(expected), ...conformed }),
    warnings: mode === 'Warn' ? complaints : [],
  };
}

/** Kind and version may be left out (client-node does): the URL says them. */
function checkKind(fields: Fields, expected: Expected): void {
  const { kind = '', apiVersion = '' } = fields;
  if (typeof kind !== 'string' || typeof apiVersion !== 'string') {
    throw badRequest(
      `the object provided is unrecognized (must be of type ${expected.kind}): couldn't get version/kind`,
    );
  }
  const wanted = apiVersionOf(expected);
  const given = apiVersion === '' ? wanted : apiVersion;
  if (kind === '' || kind === expected.kind) {
    if (given === wanted) return;
  }
  const shown = kind === '' ? expected.kind : kind;
  const version = given.split('/').at(-1) ?? given;
  const known = findKind(given, shown);
  if (known === undefined) {
    throw badRequest(
      `${shown} in version "${version}" cannot be handled as a ${expected.kind}: no kind "${shown}" is registered for version "${given}" in scheme "pkg/api/legacyscheme/scheme.go:30"`,
    );
  }
  const internal = expected.group === '' ? 'core' : expected.group.split('.')[0];
  throw badRequest(
    `${kind} in version "${known.version}" cannot be handled as a ${expected.kind}: converting (${known.version}.${kind}) to (${internal}.${expected.kind}): unknown conversion`,
  );
}
