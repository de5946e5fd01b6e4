import type { Expected } from '../decode/decode.ts';
import type { Parsed } from '../decode/parse.ts';
import { mediaTypeOf } from '../decode/parse.ts';
import type { ApiRequest } from '../http/request.ts';
import { badRequest } from '../status.ts';
import { readMessage } from './message.ts';
import { bytesOf, fieldsOf } from './wire.ts';

const mediaType = 'application/vnd.kubernetes.protobuf';
const magic = Buffer.from([0x6b, 0x38, 0x73, 0x00]);

export function isProtobuf(request: ApiRequest): boolean {
  return mediaTypeOf(request) === mediaType;
}

/**
 * Reads the body that kubectl 1.32 and newer send for `create secret` and the like: `k8s\0`, then runtime.Unknown
 * (1: TypeMeta, 2: the object). Throws 400 for anything else.
 */
export function parseProtobuf(body: Buffer, expected: Expected): Parsed {
  if (!body.subarray(0, magic.length).equals(magic)) {
    throw badRequest('provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]');
  }
  const unknown = fieldsOf(body.subarray(magic.length));
  const typeMeta = fieldsOf(bytesOf(unknown, 1));
  const object = readMessage(expected.struct, bytesOf(unknown, 2));
  return {
    fields: { ...object, apiVersion: bytesOf(typeMeta, 1).toString(), kind: bytesOf(typeMeta, 2).toString() },
    duplicates: [],
  };
}
