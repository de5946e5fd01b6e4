import type { Answer } from '../http/answer.ts';
import { checkQuery } from '../http/request.ts';
import { objectKey, resourceKey } from '../resources/resource.ts';
import { notFound } from '../status.ts';
import type { KubeObject } from '../types.ts';
import { answerObject, namespaceOf } from './context.ts';
import type { Call } from './context.ts';
import { checkNotAhead, versionOf } from './list-query.ts';

/** GET of one object. */
export function handleGet(call: Call): Answer {
  checkQuery(call.request, 'get', ['resourceVersion', 'includeObject']);
  checkNotAhead(call.cluster.store, versionOf(call.request));
  return answerObject(call, 200, requireObject(call));
}

/** The object that the path names. Throws 404. */
export function requireObject(call: Call): KubeObject {
  const name = call.target.name ?? '';
  const found = call.cluster.get(resourceKey(call.resource), objectKey(namespaceOf(call), name));
  if (found === undefined) throw notFound(call.resource, name);
  return found;
}
