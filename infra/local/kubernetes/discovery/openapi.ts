import { createHash } from 'node:crypto';
import type { Fields } from '../json.ts';
import type { Resource } from '../resources/resource.ts';
import { resources } from '../resources/table.ts';
import { servedGroups } from './discovery.ts';

/** GET /openapi/v3. */
export function openApiIndex(): Fields {
  return {
    paths: Object.fromEntries(
      rootsOf().map((root) => [
        root,
        { serverRelativeURL: `/openapi/v3/${root}?hash=${hashOf(JSON.stringify(documentOf(root)))}` },
      ]),
    ),
  };
}

function rootsOf(): readonly string[] {
  return ['api/v1', ...servedGroups().map((group) => `apis/${group}/v1`)];
}

function hashOf(text: string): string {
  return createHash('sha512').update(text).digest('hex').toUpperCase();
}

/**
 * What kubectl reads before it writes: which kinds there are, and that fields are validated by the server.
 * There are no schemas in it, so `kubectl explain` finds none.
 */
function documentOf(root: string): Fields {
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: '1.32' },
    paths: Object.fromEntries(
      resources
        .filter((resource) => resource.group === groupOfRoot(root))
        .map((resource) => [pathOf(root, resource), { patch: operation(resource) }]),
    ),
    components: { schemas: {} },
  };
}

function groupOfRoot(root: string): string {
  return root === 'api/v1' ? '' : (root.split('/')[1] ?? '');
}

function pathOf(root: string, resource: Resource): string {
  return resource.namespaced
    ? `/${root}/namespaces/{namespace}/${resource.plural}/{name}`
    : `/${root}/${resource.plural}/{name}`;
}

function operation(resource: Resource): Fields {
  return {
    parameters: ['dryRun', 'fieldManager', 'fieldValidation']
      .map((name) => parameter(name, 'string'))
      .concat(parameter('force', 'boolean')),
    responses: { 200: { description: 'OK' } },
    'x-kubernetes-action': 'patch',
    'x-kubernetes-group-version-kind': { group: resource.group, kind: resource.kind, version: resource.version },
  };
}

function parameter(name: string, type: string): Fields {
  return { name, in: 'query', schema: { type, uniqueItems: true } };
}

/** GET /openapi/v3/api/v1, /openapi/v3/apis/GROUP/VERSION. */
export function openApiDocument(root: string): Fields | undefined {
  return rootsOf().includes(root) ? documentOf(root) : undefined;
}

export function etagOf(body: Fields): string {
  return `"${hashOf(JSON.stringify(body))}"`;
}
