import { badRequest } from './errors.ts';

// https://cloud.google.com/storage/docs/buckets#naming
const BUCKET = /^(?=.{3,222}$)[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?)*$/;
const MAX_NAME_BYTES = 1024;

/** Throws 400 unless `name` is a valid bucket name. */
export function requireBucketName(name: string): string {
  if (!BUCKET.test(name)) throw badRequest(`Invalid bucket name: '${name.slice(0, 80)}'`);
  return name;
}

/** Throws 400 unless `name` is a valid object name: https://cloud.google.com/storage/docs/objects#naming */
export function requireObjectName(name: string): string {
  if (name === '') throw badRequest('Required parameter: name', 'required');
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) {
    throw badRequest(`The specified object name is longer than ${MAX_NAME_BYTES} bytes.`);
  }
  if (/[\r\n]/.test(name)) throw badRequest('Invalid object name: it has a carriage return or line feed.');
  if (name === '.' || name === '..') throw badRequest(`Invalid object name: "${name}"`);
  if (name.startsWith('.well-known/acme-challenge/')) throw badRequest(`Invalid object name: "${name}"`);
  return name;
}

/** One percent-encoded segment of a path. Throws 400 when it is not UTF-8. */
export function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw badRequest(`Malformed percent-encoding in the path: "${segment.slice(0, 80)}"`);
  }
}

/**
 * Orders names as Cloud Storage lists them: by their UTF-8 bytes. That is by code point, while JavaScript compares
 * UTF-16 units; they differ only where a surrogate meets a unit from U+E000 up.
 */
export function compareUtf8(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index += 1) {
    const x = a.charCodeAt(index);
    const y = b.charCodeAt(index);
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

function rank(unit: number): number {
  return unit < 0xd800 ? unit : unit >= 0xe000 ? unit - 0x800 : unit + 0x2000;
}
