import { aggregatedList, coreVersions, groupList, groupOf, resourceList } from '../discovery/discovery.ts';
import { etagOf, openApiDocument, openApiIndex } from '../discovery/openapi.ts';
import type { Fields } from '../json.ts';
import { methodNotAllowed, notImplemented } from '../status.ts';
import { document } from './answer.ts';
import type { Answer } from './answer.ts';
import type { ApiRequest } from './request.ts';

const healthPaths = new Set(['/healthz', '/livez', '/readyz']);

/** Version, health, discovery and OpenAPI; `undefined` for other paths. */
export function answerSystemPath(request: ApiRequest, version: string): Answer | undefined {
  const path = request.path.length > 1 ? request.path.replace(/\/$/, '') : request.path;
  const answer = find(path, request, version);
  if (answer === undefined) return undefined;
  if (request.method !== 'GET' && request.method !== 'HEAD') throw methodNotAllowed();
  return answer;
}

function find(path: string, request: ApiRequest, version: string): Answer | undefined {
  if (healthPaths.has(path.replace(/^(\/\w+)\/.*$/, '$1'))) return { kind: 'text', code: 200, text: 'ok' };
  if (path === '/version') return document(200, versionOf(version));
  if (path === '/api' || path === '/apis') return discoveryRoot(path === '/api' ? 'api' : 'apis', request);
  // The real one is sent without a type, which net/http then guesses.
  if (path === '/openapi/v3') return cached(request, openApiIndex(), 'text/plain; charset=utf-8');
  if (path === '/openapi/v2') throw notImplemented('OpenAPI v2: /openapi/v3 is served');
  const openApi = /^\/openapi\/v3\/(.+)$/.exec(path)?.[1];
  if (openApi !== undefined) return optional(openApiDocument(openApi), (body) => cached(request, body));
  const [, , group = '', groupVersion, more] = path.split('/');
  if (more !== undefined) return undefined;
  if (path === '/api/v1') return optional(resourceList('', 'v1'), (body) => document(200, body));
  if (!path.startsWith('/apis/')) return undefined;
  const found = groupVersion === undefined ? groupOf(group) : resourceList(group, groupVersion);
  return optional(found, (body) => document(200, body));
}

/** kubectl of Google Cloud's SDK runs the kubectl of the server's minor version. */
function versionOf(gitVersion: string): Fields {
  const [, major = '1', minor = '32'] = /^v(\d+)\.(\d+)/.exec(gitVersion) ?? [];
  return {
    major,
    minor,
    gitVersion,
    gitCommit: '',
    gitTreeState: 'clean',
    buildDate: '1970-01-01T00:00:00Z',
    goVersion: '',
    compiler: '',
    platform: `${process.platform}/${process.arch}`,
  };
}

function discoveryRoot(root: 'api' | 'apis', request: ApiRequest): Answer {
  const accept = request.headers.accept ?? '';
  for (const version of ['v2', 'v2beta1'] as const) {
    const type = `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;
    if (accept.replaceAll(' ', '').includes(type)) {
      return { kind: 'document', code: 200, body: aggregatedList(root, version), contentType: type };
    }
  }
  return document(200, root === 'api' ? coreVersions(request.headers.host ?? '') : groupList());
}

function cached(request: ApiRequest, body: Fields, contentType = 'application/json'): Answer {
  const etag = etagOf(body);
  if (request.headers['if-none-match'] === etag) return { kind: 'text', code: 304, text: '', headers: { etag } };
  return { kind: 'document', code: 200, body, contentType, headers: { etag, vary: 'Accept' } };
}

function optional(body: Fields | undefined, answer: (body: Fields) => Answer): Answer | undefined {
  return body === undefined ? undefined : answer(body);
}
