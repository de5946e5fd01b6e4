import { InvalidRequestError } from '../errors.ts';

/** An object, or a prefix of objects, in Cloud Storage. `name` has no leading slash. */
export interface GsUri {
  readonly bucket: string;
  readonly name: string;
}

// https://cloud.google.com/storage/docs/buckets#naming: 3-63 characters, 222 with dots, each part at most 63.
const BUCKET = /^(?=.{3,222}$)[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?)*$/;
const MAX_NAME_BYTES = 1024;

// Control characters would break a line-based checkpoint list, and a log line.
// oxlint-disable-next-line no-control-regex -- the expression matches control characters on purpose
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\ufeff\ufffd]/u;

/**
 * Why `text` is not a usable `gs://bucket/name`, as a text that follows "is"; `null` if it is usable.
 * A name with a `.` or `..` segment is refused: Cloud Storage takes it literally, tools that map objects to files do not.
 */
export function gsUriProblem(text: string): string | null {
  if (!text.startsWith('gs://')) return 'not a gs:// path';
  const slash = text.indexOf('/', 5);
  const bucket = slash < 0 ? text.slice(5) : text.slice(5, slash);
  const name = slash < 0 ? '' : text.slice(slash + 1);
  if (!BUCKET.test(bucket)) return `not valid: "${bucket.slice(0, 80)}" is not a bucket name`;
  if (name === '') return 'incomplete: there is no object name after the bucket';
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) return `longer than ${MAX_NAME_BYTES} bytes`;
  if (CONTROL.test(name)) return 'a path with control characters';
  if (name.trim() !== name) return 'a path with spaces around it';
  if (name.split('/').some((segment) => segment === '.' || segment === '..'))
    return 'a path with a "." or ".." segment';
  return null;
}

/** Splits `gs://bucket/name`. Throws InvalidRequestError naming `field`. */
export function parseGsUri(text: string, field = 'path'): GsUri {
  const problem = gsUriProblem(text);
  if (problem !== null) {
    const message = `"${text.slice(0, 200)}" is ${problem}; write gs://BUCKET/NAME`;
    throw new InvalidRequestError(`${field}: ${message}`, [{ path: field, message }]);
  }
  const slash = text.indexOf('/', 5);
  return { bucket: text.slice(5, slash), name: text.slice(slash + 1) };
}

/** `gs://bucket/name` */
export function formatGsUri(uri: GsUri): string {
  return `gs://${uri.bucket}/${uri.name}`;
}

/** The object `name` below the directory `uri`, whether `uri` ends in a slash or not. */
export function joinGsUri(uri: GsUri, name: string): GsUri {
  return {
    bucket: uri.bucket,
    name: uri.name === '' ? name : `${uri.name.replace(/\/+$/, '')}/${name}`,
  };
}
