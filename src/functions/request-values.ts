import type { Request } from 'express';
import { parseAggregationDocument } from '../values/aggregation-document.ts';
import type { JsonObject } from '../values/json.ts';
import { parseDocument } from '../values/parse-document.ts';
import type { Values } from '../values/parse-values.ts';
import { parseValues } from '../values/parse-values.ts';
import { isTextField } from '../values/schema.ts';
import type { SetKind } from '../values/overrides.ts';
import { applySet, mergeValues } from '../values/overrides.ts';
import type { Query } from './query.ts';
import { readBody } from './raw-request.ts';

/**
 * The values of a call that says everything itself: the body's, with `?set=` and `?set-string=` over them, as
 * `helm upgrade -f ... --set ...` does. Throws InvalidRequestError with every fault at once.
 */
export async function readWholeValues(
  req: Request,
  query: Query,
): Promise<{ readonly values: Values; readonly document: JsonObject }> {
  const given = await readDocument(req);
  const document = mergeValues({}, applySets(applySets(given, query, 'set'), query, 'set-string'));
  return { values: parseValues(document), document };
}

async function readDocument(req: Request): Promise<JsonObject> {
  const { bytes, contentType } = await readBody(req.headers, bytesOf(req));
  return parseDocument(bytes, { contentType, name: 'body' });
}

function bytesOf(req: Request): Uint8Array | undefined {
  return req.body instanceof Uint8Array ? req.body : undefined;
}

function applySets(values: JsonObject, query: Query, kind: SetKind): JsonObject {
  return (query.get(kind) ?? []).reduce(
    (laid, expression) => applySet(laid, expression, { kind, isText: isTextField }),
    values,
  );
}

/**
 * The values of a call: configured ones, the body's over them, `?set=` and `?set-string=` over both, as helm lays
 * `-f` and `--set` over a chart's values. Throws InvalidRequestError with every fault at once.
 */
export async function readRequestValues(configured: JsonObject, req: Request, query: Query): Promise<Values> {
  const document = await readDocument(req);
  const { values } = parseAggregationDocument(document);
  const set = applySets(applySets(values, query, 'set'), query, 'set-string');
  return parseValues(mergeValues(configured, set));
}
