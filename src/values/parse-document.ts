import { InvalidRequestError, TooLargeError, UnsupportedMediaError } from '../errors.ts';
import { documentError } from './document-error.ts';
import { isJsonObject } from './json.ts';
import type { JsonObject, MutableJson } from './json.ts';
import { readJson } from './read-json.ts';
import { readYaml } from './read-yaml.ts';

export interface ParseDocumentOptions {
  /** The Content-Type header, if any. */
  readonly contentType?: string | undefined;
  /** 1 MiB unless given. */
  readonly maxBytes?: number | undefined;
}

const DEFAULT_MAX_BYTES = 1_048_576;
const JSON_TYPE = /^(application|text)\/([\w.+-]*\+)?json$/;
const FORM_TYPE = 'application/x-www-form-urlencoded';

/**
 * The one mapping that a JSON or YAML document holds; an empty document is an empty mapping. A JSON content type demands strict JSON, any
 * other one (curl's default included) is read as YAML, of which JSON is a part. The result is plain data: no prototype tricks, no shared
 * or cyclic parts, no number that lost digits.
 *
 * Throws InvalidRequestError with line and column, TooLargeError beyond `maxBytes`, UnsupportedMediaError for another charset or a form.
 */
export function parseDocument(bytes: Uint8Array, options: ParseDocumentOptions = {}): JsonObject {
  const { contentType = '', maxBytes = DEFAULT_MAX_BYTES } = options;
  if (bytes.length > maxBytes) {
    throw new TooLargeError(`The document has ${bytes.length} bytes, and at most ${maxBytes} are read`);
  }
  checkMedia(contentType);
  const text = decode(bytes);
  if (text.trim() === '') return {};
  const type = mediaType(contentType);
  const value = JSON_TYPE.test(type) ? readStrictJson(text) : type === FORM_TYPE ? readForm(text) : readAny(text);
  if (!isJsonObject(value)) {
    const message = `the document is ${kindOf(value)}; a mapping (key: value) is expected`;
    throw documentError({ line: 1, column: 1 }, message);
  }
  return value;
}

function checkMedia(contentType: string): void {
  const charset = /;\s*charset\s*=\s*"?([^";\s]*)/i.exec(contentType)?.[1]?.toLowerCase();
  if (charset !== undefined && !['utf-8', 'utf8', 'us-ascii'].includes(charset)) {
    throw new UnsupportedMediaError('The document has a charset other than UTF-8: send it as UTF-8');
  }
  if (mediaType(contentType).startsWith('multipart/')) {
    throw new UnsupportedMediaError(
      'The document is a multipart form: send the file itself, as curl --data-binary @values.yaml does',
    );
  }
}

function mediaType(contentType: string): string {
  return (contentType.split(';')[0] ?? '').trim().toLowerCase();
}

function decode(bytes: Uint8Array): string {
  if (isUtf16(bytes)) {
    throw documentError({ line: 1, column: 1 }, 'the document is UTF-16: save it as UTF-8');
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw documentError({ line: faultyLine(bytes), column: 1 }, 'the document is not UTF-8: save it as UTF-8');
  }
}

function isUtf16(bytes: Uint8Array): boolean {
  return (
    (bytes[0] === 0xff && bytes[1] === 0xfe) ||
    (bytes[0] === 0xfe && bytes[1] === 0xff) ||
    (bytes.length > 1 && (bytes[0] === 0) !== (bytes[1] === 0))
  );
}

/** `TextDecoder` does not say where the faulty byte is: the line is found by decoding line by line. */
function faultyLine(bytes: Uint8Array): number {
  let line = 1;
  for (let start = 0; start < bytes.length; line += 1) {
    const newline = bytes.indexOf(0x0a, start);
    const end = newline < 0 ? bytes.length : newline;
    if (new TextDecoder().decode(bytes.subarray(start, end)).includes('\ufffd')) return line;
    start = end + 1;
  }
  return line;
}

function readStrictJson(text: string): MutableJson {
  const reading = readJson(text);
  if (reading.kind !== 'value') throw reading.error;
  return reading.value;
}

/** `curl -d @file` sends this content type, and the file without its line breaks. */
function readForm(text: string): MutableJson {
  try {
    return readAny(text);
  } catch (error) {
    throw /[\r\n]/.test(text) ? error : withCurlHint(error);
  }
}

/** JSON is YAML, and is read forty times faster as JSON; a flow mapping that is not JSON is read as YAML. */
function readAny(text: string): MutableJson {
  if (/^\s*\{/.test(text)) {
    const reading = readJson(text);
    if (reading.kind === 'value') return reading.value;
    if (reading.kind === 'content') throw reading.error;
  }
  const { value, empty } = readYaml(text);
  return empty ? {} : value;
}

function withCurlHint(error: unknown): unknown {
  return error instanceof InvalidRequestError
    ? new InvalidRequestError(
        `${error.message}. Was it sent with curl -d @file? That removes line breaks: use --data-binary @file`,
        error.issues,
        {
          cause: error,
          details: error.details,
        },
      )
    : error;
}

function kindOf(value: MutableJson): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'a list' : `a ${typeof value === 'string' ? 'text' : typeof value}`;
}
