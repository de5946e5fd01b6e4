import type { IncomingMessage } from 'node:http';
import { InvalidRequestError } from '../errors.ts';
import type { JsonObject, JsonValue } from '../values/json.ts';
import { isJsonObject } from '../values/json.ts';

/** An object that was finalised in a bucket. */
export interface FinalisedObject {
  readonly bucket: string;
  readonly name: string;
  readonly generation: string;
  /** Bytes; `undefined` where the event does not contain it. */
  readonly size?: number;
}

export type StorageEvent =
  | { readonly kind: 'finalised'; readonly object: FinalisedObject }
  /** An event of another type, which this service ignores. */
  | { readonly kind: 'other'; readonly type: string };

// https://cloud.google.com/eventarc/docs/reference/supported-events#cloud-storage
const FINALISED = 'google.cloud.storage.object.v1.finalized';

const MAX_INT64 = 9_223_372_036_854_775_807n;

/**
 * The event in a request: a CloudEvent in binary mode (attributes in headers, data in the body), a CloudEvent in
 * structured mode, or a Pub/Sub push of a Cloud Storage notification. Throws InvalidRequestError on anything else.
 * https://github.com/cloudevents/spec/blob/main/cloudevents/bindings/http-protocol-binding.md
 */
export function parseStorageEvent(headers: IncomingMessage['headers'], body: Uint8Array): StorageEvent {
  const type = headers['ce-type'];
  const isBinary = ['ce-type', 'ce-specversion', 'ce-source', 'ce-id'].every((name) => (headers[name] ?? '') !== '');
  return isBinary && typeof type === 'string' ? cloudEvent(type, body) : structured(jsonOf(body));
}

function structured(document: JsonObject): StorageEvent {
  const message = field(document, 'message');
  if (isJsonObject(message)) return pubSubPush(message);
  const type = field(document, 'type');
  if (field(document, 'specversion') === undefined || typeof type !== 'string') {
    return fail('is neither a CloudEvent (binary or structured) nor a Pub/Sub push of a Cloud Storage notification');
  }
  const base64 = field(document, 'data_base64');
  return cloudEvent(type, typeof base64 === 'string' ? Buffer.from(base64, 'base64') : field(document, 'data'));
}

function field(source: JsonObject, name: string): JsonValue | undefined {
  return Object.hasOwn(source, name) ? source[name] : undefined;
}

/**
 * A Pub/Sub push envelope of a Cloud Storage notification: bucket, name and generation are attributes.
 * https://cloud.google.com/storage/docs/pubsub-notifications#attributes
 */
function pubSubPush(message: JsonObject): StorageEvent {
  const found = field(message, 'attributes');
  const attributes: JsonObject = isJsonObject(found) ? found : fail('is a Pub/Sub message without attributes');
  const type = field(attributes, 'eventType');
  if (type !== 'OBJECT_FINALIZE') return { kind: 'other', type: typeof type === 'string' ? type : 'a Pub/Sub message' };
  const object = {
    bucket: field(attributes, 'bucketId'),
    name: field(attributes, 'objectId'),
    generation: field(attributes, 'objectGeneration'),
  };
  const size = sizeOfPayload(message);
  const known = Object.fromEntries(
    Object.entries({ ...object, size }).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
  return { kind: 'finalised', object: objectOf(known) };
}

function fail(message: string): never {
  throw new InvalidRequestError(`The event ${message}.`);
}

// With payload format NONE there is no data, and the size is unknown.
function sizeOfPayload(message: JsonObject): JsonValue | undefined {
  const data = field(message, 'data');
  if (typeof data !== 'string' || data === '') return undefined;
  return field(jsonOf(Buffer.from(data, 'base64')), 'size');
}

// JSON.parse, not the parser of values documents: an object's metadata may have any keys. Only own fields are read.
function jsonOf(bytes: Uint8Array): JsonObject {
  const json = parseJson(Buffer.from(bytes).toString());
  return isJsonObject(json) ? json : fail('is not a JSON object');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new InvalidRequestError(`The event is not JSON: ${cause instanceof Error ? cause.message : ''}`, [], {
      cause,
    });
  }
}

function objectOf(data: JsonObject): FinalisedObject {
  const generation = textOf(data, 'generation');
  if (!isInt64(generation)) fail(`has the generation "${generation.slice(0, 40)}", which is not an int64`);
  const size = field(data, 'size') === undefined ? undefined : textOf(data, 'size');
  if (size !== undefined && !isInt64(size)) fail(`has the size "${size.slice(0, 40)}", which is not an int64`);
  return {
    bucket: textOf(data, 'bucket'),
    name: textOf(data, 'name'),
    generation,
    ...(size !== undefined && { size: Number(size) }),
  };
}

function isInt64(text: string): boolean {
  return /^[0-9]{1,19}$/.test(text) && BigInt(text) <= MAX_INT64;
}

function textOf(source: JsonObject, name: string): string {
  const value = field(source, name);
  // In JSON, protocol buffers write an int64 as text; a number is accepted as well.
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value);
  return typeof value === 'string' && value !== '' ? value : fail(`has no "${name}" in its data`);
}

function cloudEvent(type: string, data: unknown): StorageEvent {
  return type === FINALISED ? { kind: 'finalised', object: objectOf(dataOf(data)) } : { kind: 'other', type };
}

function dataOf(data: unknown): JsonObject {
  if (data instanceof Uint8Array) return jsonOf(data);
  return isJsonObject(data) ? data : fail('has no data');
}
