import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate } from 'node:zlib';
import type { Request } from 'express';
import { invalidInput, InvalidRequestError, UnsupportedMediaError } from '../errors.ts';
import { parseAggregationDocument } from '../values/aggregation-document.ts';
import type { JsonObject } from '../values/json.ts';
import { parseDocument } from '../values/parse-document.ts';
import type { Values } from '../values/parse-values.ts';
import { parseValues } from '../values/parse-values.ts';
import { isTextField } from '../values/schema.ts';
import { mergeValues } from '../values/merge.ts';
import { applySet, SET_KINDS } from '../values/overrides.ts';
import { MAX_BODY_BYTES, tooLarge } from './front.ts';
import type { Powers } from './powers.ts';
import { assertPowers } from './powers.ts';
import type { Query } from './query.ts';

// maxOutputLength stops a small body that unpacks to gigabytes.
const DECODERS: Readonly<Record<string, (bytes: Uint8Array) => Promise<Uint8Array>>> = {
  identity: async (bytes) => bytes,
  gzip: (bytes) => promisify(gunzip)(bytes, { maxOutputLength: MAX_BODY_BYTES }),
  deflate: (bytes) => promisify(inflate)(bytes, { maxOutputLength: MAX_BODY_BYTES }),
  br: (bytes) => promisify(brotliDecompress)(bytes, { maxOutputLength: MAX_BODY_BYTES }),
};

/**
 * The values of a call that configured values do not apply to: the body's, with `?set-json=`, `?set=` and `?set-string=` over them, as
 * `helm upgrade -f ... --set ...` does. Throws InvalidRequestError with every fault at once.
 */
export async function readWholeValues(
  req: Request,
  query: Query,
): Promise<{ readonly values: Values; readonly document: JsonObject }> {
  const given = await readDocument(req);
  const document = mergeValues({}, applySets(given, query));
  return { values: parseValues(document), document };
}

/**
 * The values of a call: the configured ones, the body's over them, `?set-json=`, `?set=` and `?set-string=` over both, as helm lays
 * `-f` and `--set` over a chart's values. Throws InvalidRequestError with every fault at once, and ForbiddenError where
 * the call sets what only configuration may.
 */
export async function readRequestValues(
  configured: JsonObject,
  req: Request,
  query: Query,
  powers: Powers,
): Promise<Values> {
  const document = await readDocument(req);
  const { values } = parseAggregationDocument(document);
  const set = applySets(values, query);
  refuseServices(set);
  const merged = parseValues(mergeValues(configured, set));
  assertPowers(parseValues(configured).aggregator ?? {}, merged.aggregator ?? {}, powers);
  return merged;
}

/** Values that describe services only would start an aggregation by the configured values alone. */
function refuseServices(values: JsonObject): void {
  const sections = Object.keys(values).filter((key) => !['namespace', 'checkSecrets', 'global'].includes(key));
  if (sections.length === 0 || sections.some((key) => key !== 'repository' && key !== 'flea')) return;
  const message =
    'describes a service, which the function deploy releases: send the values there, or add a section "aggregator"';
  throw invalidInput(sections.map((path) => ({ path, message })));
}

/**
 * The bytes of a request's body, decompressed as its Content-Encoding says. Throws TooLargeError,
 * UnsupportedMediaError on another encoding, and InvalidRequestError on a body that is not in its encoding.
 */
export async function readBody(req: Request): Promise<Uint8Array> {
  const bytes = req.body instanceof Uint8Array ? req.body : new Uint8Array();
  if (bytes.length === 0) return bytes;
  const encoding = (req.get('content-encoding') ?? 'identity').trim().toLowerCase();
  const decoder = Object.hasOwn(DECODERS, encoding) ? DECODERS[encoding] : undefined;
  if (decoder === undefined) {
    throw new UnsupportedMediaError(
      `Content-Encoding "${encoding.slice(0, 40)}" is not supported; send the body plain, or as gzip, deflate or br.`,
    );
  }
  try {
    return await decoder(bytes);
  } catch (cause) {
    // ERR_BUFFER_TOO_LARGE: maxOutputLength was reached.
    if (cause instanceof RangeError) throw tooLarge();
    throw new InvalidRequestError(`The body is not valid ${encoding}, as its Content-Encoding says.`, [], { cause });
  }
}

async function readDocument(req: Request): Promise<JsonObject> {
  return parseDocument(await readBody(req), { contentType: req.get('content-type'), name: 'body' });
}

function applySets(values: JsonObject, query: Query): JsonObject {
  const sets = SET_KINDS.flatMap((kind) => (query.get(kind) ?? []).map((expression) => ({ kind, expression })));
  return sets.reduce((laid, { kind, expression }) => applySet(laid, expression, { kind, isText: isTextField }), values);
}
