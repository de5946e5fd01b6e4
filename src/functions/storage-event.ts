import { InvalidRequestError } from '../errors.ts';
import type { JsonObject, JsonValue } from '../values/json.ts';
import { isJsonObject } from '../values/json.ts';

/** An object that was finalised in a bucket. */
export interface FinalisedObject {
  readonly bucket: string;
  readonly name: string;
  readonly generation: string;
  /** Bytes; `undefined` where the event does not say. */
  readonly size?: number;
}

export type StorageEvent =
  | { readonly kind: 'finalised'; readonly object: FinalisedObject }
  /** An event that this service has nothing to do with. */
  | { readonly kind: 'other'; readonly type: string };

// https://cloud.google.com/eventarc/docs/reference/supported-events#cloud-storage
const FINALISED = 'google.cloud.storage.object.v1.finalized';

/**
 * What functions-framework hands to a CloudEvent function, with the body unparsed (`raw-request.ts`): a context with
 * bytes as `data` in binary mode, else the bytes of the whole body: a structured CloudEvent or a Pub/Sub push.
 * Throws InvalidRequestError for whatever cannot be understood.
 */
export function parseStorageEvent(event: unknown): StorageEvent {
  if (event instanceof Uint8Array) return structured(jsonOf(event));
  if (typeof event !== 'object' || event === null) return fail('is empty');
  if ('type' in event && typeof event.type === 'string')
    return cloudEvent(event.type, 'data' in event ? event.data : undefined);
  return isJsonObject(event) ? structured(event) : fail('has no type');
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
 * A Pub/Sub push envelope of a Cloud Storage notification: what the object is stands in attributes.
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

// With payload format NONE there is no data; the attributes say all but the size.
function sizeOfPayload(message: JsonObject): JsonValue | undefined {
  const data = field(message, 'data');
  if (typeof data !== 'string' || data === '') return undefined;
  return field(jsonOf(Buffer.from(data, 'base64')), 'size');
}

// Not by the parser of requests: an object's own metadata may have any keys, and only fields of its own are read.
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
  if (!/^[0-9]{1,19}$/.test(generation)) fail(`has the generation "${generation.slice(0, 40)}", which is no int64`);
  const size = field(data, 'size') === undefined ? undefined : textOf(data, 'size');
  if (size !== undefined && !/^[0-9]{1,16}$/.test(size)) fail(`has the size "${size.slice(0, 40)}", which is no int64`);
  return {
    bucket: textOf(data, 'bucket'),
    name: textOf(data, 'name'),
    generation,
    ...(size !== undefined && { size: Number(size) }),
  };
}

function textOf(source: JsonObject, name: string): string {
  const value = field(source, name);
  // int64 is text in the JSON of protocol buffers; what sends it as a number is understood as well.
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
