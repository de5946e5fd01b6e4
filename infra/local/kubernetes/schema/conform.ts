import { isFields, isList } from '../json.ts';
import type { Fields } from '../json.ts';
import { decodeError, pathOf, unmarshalMessage } from './decode-errors.ts';
import type { Decoding, Place } from './decode-errors.ts';
import { conformLeaf, isZero } from './leaves.ts';
import { structOf } from './schema.ts';
import type { Field, Type } from './schema.ts';

const nothing: Decoding = { kind: '', unknownFields: [] };
const zeros = new Map<string, Fields>();

/**
 * Reads a JSON object as the Go decoder of the API server would, and writes it as its encoder would: fields in the
 * order of the struct, empty ones left out, structs that are no pointers always there, quantities and times in their
 * canonical form. Unknown fields are dropped and listed in `decoding`. Throws 400 for a value of the wrong type.
 */
export function conform(struct: string, value: Fields, decoding: Decoding): Fields {
  return conformStruct(struct, value, undefined, decoding);
}

function conformStruct(name: string, value: Fields, place: Place | undefined, decoding: Decoding): Fields {
  const struct = structOf(name);
  const read = new Map<string, unknown>();
  for (const key of Object.keys(value)) {
    const entry = value[key];
    const field = struct.fields.get(key);
    const at: Place = { above: place, step: { field: key } };
    if (field === undefined) {
      const isTypeMeta = place === undefined && (key === 'apiVersion' || key === 'kind');
      if (!isTypeMeta) decoding.unknownFields.push(pathOf(at));
      continue;
    }
    if (entry === null || entry === undefined) continue;
    read.set(key, conformValue(field.type, entry, at, decoding, name));
  }
  const out: Fields = {};
  for (const field of struct.ordered) {
    const given = read.get(field.name);
    if (given === undefined && !field.isAlwaysThere) continue;
    const written = writtenValue(field, given);
    if (written !== undefined) out[field.name] = written;
  }
  return out;
}

function conformValue(type: Type, value: unknown, place: Place, decoding: Decoding, owner: string): unknown {
  if (type.kind === 'struct') {
    if (!isFields(value)) throw decodeError(decoding, unmarshalMessage(value, place, owner, goNameOf(type)));
    return conformStruct(type.name, value, place, decoding);
  }
  if (type.kind === 'leaf') return conformLeaf(type.leaf, value, place, { decoding, owner });
  if (type.kind === 'list') {
    if (!isList(value)) throw decodeError(decoding, unmarshalMessage(value, place, owner, goNameOf(type)));
    return value.map((each, index) =>
      conformElement(type.element, each, { above: place, step: { item: index } }, decoding, owner),
    );
  }
  if (!isFields(value)) throw decodeError(decoding, unmarshalMessage(value, place, owner, goNameOf(type)));
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [
      key,
      conformElement(type.element, each, { above: place, step: { entry: key } }, decoding, owner),
    ]),
  );
}

function goNameOf(type: Type): string {
  if (type.kind === 'struct') return type.name.replace(/^\w+\./, 'v1.');
  if (type.kind === 'leaf') return type.leaf === 'bytes' ? '[]uint8' : type.leaf;
  return type.kind === 'list' ? `[]${goNameOf(type.element)}` : `map[string]${goNameOf(type.element)}`;
}

/** `null` in a list or map stands for the zero value of its elements. */
function conformElement(type: Type, value: unknown, place: Place, decoding: Decoding, owner: string): unknown {
  if (value !== null) return conformValue(type, value, place, decoding, owner);
  return type.kind === 'struct' ? conformStruct(type.name, {}, place, decoding) : zeroValue(type);
}

function zeroValue(type: Type): unknown {
  if (type.kind !== 'leaf') return null;
  if (type.leaf === 'int32' || type.leaf === 'int64') return 0;
  if (type.leaf === 'bool') return false;
  return type.leaf === 'Quantity' ? '0' : '';
}

/** The encoder's value of a field; `undefined` if it omits the field. */
function writtenValue(field: Field, value: unknown): unknown {
  if (field.pointer) return value ?? (field.always ? null : undefined);
  if (field.type.kind === 'struct') return value ?? conform(field.type.name, {}, nothing);
  if (field.type.kind === 'leaf' && (field.type.leaf === 'Time' || field.type.leaf === 'MicroTime'))
    return value ?? null;
  if (!isZero(field.type, value)) return value;
  if (field.type.kind === 'leaf' && field.type.leaf === 'IntOrString') return value ?? 0;
  // An empty list or map is lost between the API server and its store: it comes back as null.
  return field.always ? zeroValue(field.type) : undefined;
}

/** The empty struct as Go would write it. Must not be modified. */
export function zeroOf(struct: string): Fields {
  const known = zeros.get(struct);
  if (known !== undefined) return known;
  const zero = conform(struct, {}, nothing);
  zeros.set(struct, zero);
  return zero;
}
