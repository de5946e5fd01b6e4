import { badRequest } from '../status.ts';

/** One field of a message as it is on the wire: an integer (wire type 0) or bytes (wire type 2). */
export interface WireField {
  readonly number: number;
  readonly value: bigint | Buffer;
}

/** Parses a message. Throws 400 for wire types that no Kubernetes type uses. */
export function fieldsOf(message: Buffer): readonly WireField[] {
  const fields: WireField[] = [];
  let at = 0;
  function varint(): bigint {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message[at];
      if (byte === undefined || shift > 63n) throw badRequest('unexpected EOF');
      at += 1;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  }
  while (at < message.length) {
    const tag = varint();
    const number = Number(tag >> 3n);
    const wireType = Number(tag & 7n);
    if (wireType === 0) {
      fields.push({ number, value: varint() });
      continue;
    }
    if (wireType !== 2) throw badRequest(`proto: illegal wireType ${wireType}`);
    const length = Number(varint());
    if (at + length > message.length) throw badRequest('unexpected EOF');
    fields.push({ number, value: message.subarray(at, at + length) });
    at += length;
  }
  return fields;
}

/** The last occurrence of a bytes field; empty when there is none. */
export function bytesOf(fields: readonly WireField[], number: number): Buffer {
  const found = fields.findLast((field) => field.number === number)?.value;
  return Buffer.isBuffer(found) ? found : Buffer.alloc(0);
}

/** The last occurrence of an integer field; 0 when there is none. */
export function integerOf(fields: readonly WireField[], number: number): bigint {
  const found = fields.findLast((field) => field.number === number)?.value;
  return typeof found === 'bigint' ? BigInt.asIntN(64, found) : 0n;
}
