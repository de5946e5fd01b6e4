import type { Cluster } from '../cluster.ts';
import type { Answer } from '../http/answer.ts';
import { document } from '../http/answer.ts';
import { negotiate } from '../http/negotiate.ts';
import type { ApiRequest } from '../http/request.ts';
import type { Target } from '../http/route.ts';
import { metadataOf, tableOf } from '../http/views.ts';
import { stringify } from 'yaml';
import type { Fields } from '../json.ts';
import type { Resource } from '../resources/resource.ts';
import { badRequest } from '../status.ts';
import type { KubeObject } from '../types.ts';

/** One request for one resource, with all that its handler needs. */
export interface Call {
  readonly cluster: Cluster;
  readonly request: ApiRequest;
  readonly target: Target;
  readonly resource: Resource;
}

/** The namespace of the path; `undefined` for resources that have none, and for lists over all namespaces. */
export function namespaceOf({ target }: Call): string | undefined {
  return target.namespace;
}

/** An object as the caller wants to see it: itself, its metadata, or a table of one row. */
export function answerObject(call: Call, code: number, object: KubeObject, warnings: readonly string[] = []): Answer {
  const wanted = negotiate(call.request.headers.accept);
  if (wanted.as === 'metadata') return answerFields(call, code, metadataOf(object), warnings);
  if (wanted.as === 'object') return answerFields(call, code, { ...object }, warnings);
  const metadata = { resourceVersion: object.metadata.resourceVersion };
  const options = { now: call.cluster.now(), includeObject: includeObjectOf(call), withColumns: true };
  return answerFields(call, code, tableOf(call.resource, [object], metadata, options), warnings);
}

export function includeObjectOf(call: Call): string {
  const asked = call.request.query.get('includeObject') ?? '';
  if (['', 'Metadata', 'Object', 'None'].includes(asked)) return asked || 'Metadata';
  throw badRequest(
    `Unable to convert to Table as requested: includeObject: Invalid value: ${JSON.stringify(asked)}: must be 'Metadata', 'Object', 'None', or empty`,
  );
}

export function answerFields(call: Call, code: number, body: Fields, warnings: readonly string[] = []): Answer {
  if (negotiate(call.request.headers.accept).format === 'json') return document(code, body, warnings);
  return { kind: 'text', code, text: stringify(body), headers: { 'content-type': 'application/yaml' } };
}
