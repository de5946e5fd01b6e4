import type { Fields } from '../json.ts';
import { structOf } from '../schema/schema.ts';
import type { Field, Leaf, Struct, Type } from '../schema/schema.ts';
import { badRequest, notImplemented } from '../status.ts';
import { bytesOf, fieldsOf, integerOf } from './wire.ts';
import type { WireField } from './wire.ts';

/** Reads a protobuf message into the JSON form of the same object, by the field numbers of the schema table. */
export function readMessage(structName: string, message: Buffer): Fields {
  const struct = structOf(structName);
  const out: Fields = {};
  readInto(out, struct, fieldsOf(message));
  return out;
}

function readInto(out: Fields, struct: Struct, wire: readonly WireField[]): void {
  const byNumber = new Map(
    [...struct.fields.values()].filter((field) => field.inlineIn === undefined).map((field) => [field.number, field]),
  );
  for (const { number, value } of wire) {
    const inlined = struct.inlined.get(number);
    if (inlined !== undefined && Buffer.isBuffer(value)) {
      readInto(out, inlined, fieldsOf(value));
      continue;
    }
    const field = byNumber.get(number);
    if (field === undefined) throw notImplemented(`field number ${number} of ${struct.name} in a protobuf body`);
    readField(out, field, value);
  }
}

function readField(out: Fields, field: Field, value: bigint | Buffer): void {
  const { name, type } = field;
  if (type.kind === 'list') {
    const list = Array.isArray(out[name]) ? out[name] : [];
    list.push(readValue(type.element, value));
    out[name] = list;
  } else if (type.kind === 'map') {
    const entry = fieldsOf(bytes(value));
    const mapValue = entry.findLast((each) => each.number === 2)?.value ?? Buffer.alloc(0);
    const before = typeof out[name] === 'object' ? out[name] : {};
    out[name] = { ...before, [bytesOf(entry, 1).toString()]: readValue(type.element, mapValue) };
  } else {
    const read = readValue(type, value);
    // A zero scalar means "not set", unless the Go field is a pointer.
    if (!field.pointer && (read === '' || read === 0 || read === false || read === null)) return;
    out[name] = read;
  }
}

function readValue(type: Type, value: bigint | Buffer): unknown {
  if (type.kind === 'struct') return readMessage(type.name, bytes(value));
  if (type.kind === 'leaf') return readLeaf(type.leaf, value);
  throw notImplemented('nested lists and maps in a protobuf body');
}

function bytes(value: bigint | Buffer): Buffer {
  if (Buffer.isBuffer(value)) return value;
  throw badRequest('proto: wrong wireType');
}

function readLeaf(leaf: Leaf, value: bigint | Buffer): unknown {
  if (typeof value === 'bigint') return leaf === 'bool' ? value !== 0n : Number(BigInt.asIntN(64, value));
  switch (leaf) {
    case 'bytes':
      return value.toString('base64');
    case 'Quantity':
      return bytesOf(fieldsOf(value), 1).toString();
    case 'IntOrString':
      return readIntOrString(fieldsOf(value));
    case 'Time':
      return readTime(fieldsOf(value), false);
    case 'MicroTime':
      return readTime(fieldsOf(value), true);
    case 'FieldsV1':
      return JSON.parse(bytesOf(fieldsOf(value), 1).toString());
    case 'string':
    case 'bool':
    case 'int32':
    case 'int64':
      return value.toString('utf8');
  }
}

function readIntOrString(wire: readonly WireField[]): number | string {
  return integerOf(wire, 1) === 0n ? Number(BigInt.asIntN(32, integerOf(wire, 2))) : bytesOf(wire, 3).toString();
}

/** seconds, nanos; all zero means that there is no time. */
function readTime(wire: readonly WireField[], isMicro: boolean): string | null {
  const seconds = integerOf(wire, 1);
  const nanos = integerOf(wire, 2);
  if (wire.length === 0) return null;
  const text = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  return isMicro ? `${text}.${`${nanos / 1000n}`.padStart(6, '0')}Z` : `${text}Z`;
}
