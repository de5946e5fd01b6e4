import { parseDocument } from 'yaml';
import type { DocumentOptions, ParseOptions, SchemaOptions } from 'yaml';
import { isFields } from '../json.ts';
import type { Fields } from '../json.ts';
import type { ApiRequest } from '../http/request.ts';
import { badRequest, StatusError } from '../status.ts';
import { duplicateFields } from './duplicates.ts';

export interface Parsed {
  readonly fields: Fields;
  /** Paths of keys that occur twice in the text; the last one counts. */
  readonly duplicates: readonly string[];
}

const jsonTypes = ['application/json', ''];
const yamlTypes = ['application/yaml', 'application/apply-patch+yaml'];

/** YAML 1.1, as the API server reads it (`y` is true), but times stay text. */
const yamlOptions: ParseOptions & DocumentOptions & SchemaOptions = {
  version: '1.1',
  customTags: (tags) => tags.filter((tag) => typeof tag === 'string' || tag.tag !== 'tag:yaml.org,2002:timestamp'),
};

export function mediaTypeOf(request: ApiRequest): string {
  return (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
}

/** 415, with the API server's message for bodies. */
export function unsupportedBody(): StatusError {
  return new StatusError(
    415,
    'UnsupportedMediaType',
    'the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf',
  );
}

/** Reads a JSON or YAML body. Throws 400 when it is neither, 415 when its type is none we read. */
export function parseBody(request: ApiRequest, kind: string): Parsed {
  const type = mediaTypeOf(request);
  const text = request.body.toString('utf8');
  if (jsonTypes.includes(type)) return parseJson(text, kind);
  if (yamlTypes.includes(type)) return parseYaml(text, kind);
  throw unsupportedBody();
}

function parseJson(text: string, kind: string): Parsed {
  try {
    return object(JSON.parse(text), kind, text, () => duplicateFields(text));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw unrecognised(kind, `json parse error: ${goSyntaxError(error)} ${snippet(text)}`);
  }
}

function object(value: unknown, kind: string, text: string, duplicates: () => readonly string[]): Parsed {
  if (isFields(value)) return { fields: value, duplicates: duplicates() };
  const shape = Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value;
  throw unrecognised(
    kind,
    `json parse error: json: cannot unmarshal ${shape} into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" } ${snippet(text)}`,
  );
}

function unrecognised(kind: string, because: string): StatusError {
  return badRequest(
    `the object provided is unrecognized (must be of type ${kind}): couldn't get version/kind; ${because}`,
  );
}

/** Formats an unreadable body as the API server does: its beginning, or hex if it does not look like an object. */
function snippet(text: string): string {
  if (text === '') return '(<empty>)';
  const shown = text.startsWith('{') ? text : Buffer.from(text).toString('hex');
  return shown.length > 30 ? `(${shown.slice(0, 30)} ...)` : `(${shown})`;
}

function parseYaml(text: string, kind: string): Parsed {
  // Aliases are not expanded beyond a hundred: a small text could otherwise stand for gigabytes.
  const parsed = parseDocument(text, { uniqueKeys: false, ...yamlOptions });
  const [error] = parsed.errors;
  if (error !== undefined) throw badRequest(`error converting YAML to JSON: yaml: ${error.message}`);
  const value: unknown = JSON.parse(JSON.stringify(parsed.toJS({ maxAliasCount: 100 }) ?? null));
  return object(value, kind, text, () => yamlDuplicates(text));
}

function yamlDuplicates(text: string): readonly string[] {
  const { errors } = parseDocument(text, { uniqueKeys: true, ...yamlOptions });
  return errors.filter((error) => error.code === 'DUPLICATE_KEY').map((error) => error.message.split('\n')[0] ?? '');
}

/** The message of Go's decoder for text that is not JSON. */
export function goSyntaxError(error: SyntaxError): string {
  const property = /Expected double-quoted property name.*position (\d+)/u.exec(error.message);
  if (property !== null) return 'invalid character looking for beginning of object key string';
  const character = /Unexpected token '?(.)'?/u.exec(error.message)?.[1];
  if (character === undefined || /end of JSON/i.test(error.message)) return 'unexpected end of JSON input';
  return `invalid character '${character}' looking for beginning of value`;
}
