import { mergeAttributes } from './attributes.ts';
import { createBlobWriter } from './blobs.ts';
import { badRequest, objectNotFound, preconditionFailed } from './errors.ts';
import type { Call, Reply } from './http.ts';
import { isRecord, readJsonBody } from './http.ts';
import { writeAll } from './insert.ts';
import { requireObjectName } from './names.ts';
import { objectReply } from './objects.ts';
import { parsePreconditions, requirePreconditions } from './preconditions.ts';
import type { ObjectRecord } from './records.ts';
import type { Store } from './store.ts';

const MAX_SOURCES = 32;

/** objects.compose: one object of up to 32, one after the other. Throws 400, 404 and 412. */
export async function composeObject(store: Store, call: Call, bucket: string, name: string): Promise<Reply> {
  const { sourceObjects, destination } = await readJsonBody(call.request);
  if (!Array.isArray(sourceObjects) || sourceObjects.length === 0 || sourceObjects.length > MAX_SOURCES) {
    throw badRequest(`The number of source components must be between 1 and ${MAX_SOURCES}.`);
  }
  const target = { bucket, name: requireObjectName(name), preconditions: parsePreconditions(call.query) };
  requirePreconditions(target.preconditions, store.find(bucket, name), 'write');
  const attributes = mergeAttributes({}, isRecord(destination) ? destination : {});
  const writer = createBlobWriter(store.blobDirectory);
  try {
    const sources = sourceObjects.map((source: unknown) => findSource(store, bucket, source));
    // All are opened before the first is read, so that none can be deleted in between.
    const bodies = await Promise.all(sources.map(async ({ blob, size }) => store.read(blob, 0, size)));
    for (const body of bodies) await writeAll(writer, Buffer.isBuffer(body) ? [body] : body);
    const componentCount = sources.reduce((count, source) => count + (source.componentCount ?? 1), 0);
    const { blob, size, crc32c } = await writer.finish();
    return objectReply(call, store.put(target, attributes, { blob, size, crc32c, componentCount }));
  } catch (error) {
    await writer.discard();
    throw error;
  }
}

function findSource(store: Store, bucket: string, source: unknown): ObjectRecord {
  if (!isRecord(source) || typeof source['name'] !== 'string') throw badRequest('A source object needs a name.');
  const { name, objectPreconditions: conditions } = source;
  const object = store.find(bucket, name, generationOf(source['generation']));
  if (object === null) throw objectNotFound(bucket, name);
  const wanted = isRecord(conditions) ? generationOf(conditions['ifGenerationMatch']) : null;
  if (wanted !== null && wanted !== BigInt(object.generation)) throw preconditionFailed();
  return object;
}

function generationOf(value: unknown): bigint | null {
  if (value === undefined || value === null) return null;
  const text = typeof value === 'number' ? String(value) : value;
  if (typeof text !== 'string' || !/^\d{1,19}$/.test(text)) throw badRequest('Invalid generation in sourceObjects.');
  return BigInt(text);
}
