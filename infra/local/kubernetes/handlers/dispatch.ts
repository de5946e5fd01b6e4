import type { Cluster } from '../cluster.ts';
import type { Answer } from '../http/answer.ts';
import type { ApiRequest } from '../http/request.ts';
import { isServedGroup, parseTarget, targetResource } from '../http/route.ts';
import type { Target } from '../http/route.ts';
import { isServedSubresource } from '../discovery/discovery.ts';
import { methodNotAllowed, noSuchResource, notImplemented } from '../status.ts';
import { handleBinding } from './binding.ts';
import type { Call } from './context.ts';
import { handleDelete, handleDeleteCollection } from './delete.ts';
import { handleList } from './list.ts';
import { flagOf } from './list-query.ts';
import { handleLog } from './log.ts';
import { handlePatch } from './patch.ts';
import { handleGet } from './read.ts';
import { handleScale } from './scale.ts';
import { handleServiceProxy } from './service-proxy.ts';
import { handleWatch } from './watch.ts';
import { handleCreate, handleReplace } from './write.ts';

/** Answers a request under /api or /apis; `undefined` when its group is not served at all. */
export function dispatch(cluster: Cluster, request: ApiRequest): Answer | undefined {
  const target = parseTarget(request.path);
  if (target === undefined) return undefined;
  const resource = targetResource(target);
  if (resource === undefined) return withoutResource(target);
  if (!resource.namespaced && target.namespace !== undefined) throw noSuchResource();
  const call: Call = { cluster, request, target, resource };
  if (target.subresource !== undefined) return onSubresource(call, target.subresource);
  if (target.name !== undefined) return onObject(call);
  return onCollection(call);
}

function withoutResource(target: Target): Answer | undefined {
  if (target.plural === 'watch') throw notImplemented('the deprecated watch paths: use ?watch=true');
  if (isServedGroup(target.group, target.version)) throw noSuchResource();
  return undefined;
}

function onSubresource(call: Call, subresource: string): Answer {
  const known = call.resource.subresources.find((each) => each === subresource);
  if (known === undefined) throw noSuchResource();
  if (!isServedSubresource(call.resource, known))
    throw notImplemented(`the subresource ${call.resource.plural}/${known}`);
  const { method } = call.request;
  if (known === 'status') {
    if (method === 'GET') return handleGet(call);
    if (method === 'PUT') return handleReplace(call, 'status');
    if (method === 'PATCH') return handlePatch(call, 'status');
  }
  if (known === 'log' && method === 'GET') return handleLog(call);
  if (known === 'binding' && method === 'POST') return handleBinding(call);
  if (known === 'scale') return handleScale(call);
  if (known === 'proxy') return handleServiceProxy(call);
  throw methodNotAllowed();
}

function onObject(call: Call): Answer {
  if (call.resource.namespaced && call.target.namespace === undefined) throw noSuchResource();
  switch (call.request.method) {
    case 'GET':
    case 'HEAD':
      if (flagOf(call.request, 'watch'))
        throw notImplemented(
          'watching one object by its path: watch the collection with fieldSelector=metadata.name=NAME',
        );
      return handleGet(call);
    case 'PUT':
      return handleReplace(call);
    case 'PATCH':
      return handlePatch(call);
    case 'DELETE':
      return handleDelete(call);
    default:
      throw methodNotAllowed();
  }
}

function onCollection(call: Call): Answer {
  const isAllNamespaces = call.resource.namespaced && call.target.namespace === undefined;
  switch (call.request.method) {
    case 'GET':
    case 'HEAD':
      return flagOf(call.request, 'watch') ? handleWatch(call) : handleList(call);
    case 'POST':
      if (isAllNamespaces) throw methodNotAllowed();
      return handleCreate(call);
    case 'DELETE':
      if (isAllNamespaces || call.resource.plural === 'namespaces') throw methodNotAllowed();
      return handleDeleteCollection(call);
    default:
      throw methodNotAllowed();
  }
}
