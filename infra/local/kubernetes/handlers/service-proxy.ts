import { request as httpRequest } from 'node:http';
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { inNamespace } from '../controllers/claims.ts';
import { serviceLabel } from '../controllers/endpoints/slices.ts';
import type { Answer } from '../http/answer.ts';
import type { ApiRequest } from '../http/request.ts';
import { fieldsAt, isFields, listAt, numberAt, objectsAt, stringAt } from '../json.ts';
import { objectKey } from '../resources/resource.ts';
import { endpointSlices } from '../resources/endpoint-slices.ts';
import { badRequest, methodNotAllowed, notFound, notImplemented, StatusError } from '../status.ts';
import type { KubeObject } from '../types.ts';
import { namespaceOf } from './context.ts';
import type { Call } from './context.ts';

const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** The annotation in which the process kubelet reports the host port of each port of a pod. */
const portsAnnotation = 'process-kubelet/ports';

interface Location {
  readonly scheme: 'http' | 'https';
  readonly host: string;
  readonly port: number;
}

interface Place {
  readonly host: string;
  readonly port: number;
}

const perConnection = [
  'authorization',
  'connection',
  'host',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
];

/**
 * services/[SCHEME:]NAME[:PORT]/proxy/PATH: hands the request on to a ready endpoint of the Service, as kube-apiserver
 * does (pkg/registry/core/service/proxy.go), but for connections that change their protocol, and links in HTML pages,
 * which it rewrites. A pod of the process kubelet is reached at the port its process really has.
 */
export function handleServiceProxy(call: Call): Answer {
  const { request } = call;
  if (!methods.has(request.method)) throw methodNotAllowed();
  if (request.headers.upgrade !== undefined) throw notImplemented('connections that change their protocol');
  const { scheme, host, port } = locate(call, call.target.name ?? '');
  const path = /\/proxy(\/.*)?$/s.exec(request.path.slice(prefixLength(request.path)))?.[1] ?? '';
  if (path === '' && ['GET', 'HEAD'].includes(request.method)) return redirect(request);
  const url = `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}${path}${queryOf(request)}`;
  return { kind: 'stream', run: (response) => forward(request, url, response) };
}

function locate(call: Call, id: string): Location {
  const { scheme, name, port } = splitId(id);
  const service = call.cluster.get('services', objectKey(namespaceOf(call), name));
  if (service === undefined) throw notFound({ group: '', plural: 'services', kind: 'Service' }, name);
  const portName = /^\d+$/.test(port) ? nameOfPort(service, name, Number(port)) : port;
  const slices = inNamespace(call.cluster, endpointSlices, namespaceOf(call)).filter(
    (slice) => slice.metadata.labels?.[serviceLabel] === name,
  );
  const places = slices.flatMap((slice) => placesOf(call, slice, portName));
  const place = places[Math.floor(Math.random() * places.length)];
  const hasAny = slices.some((slice) => objectsAt(slice, 'endpoints').length > 0);
  if (place === undefined) throw unavailable(`no endpoints available for service "${hasAny ? id : name}"`);
  return { scheme, ...place };
}

/** `name`, `name:port` or `scheme:name:port`; the scheme may be empty. */
function splitId(id: string): { readonly scheme: 'http' | 'https'; readonly name: string; readonly port: string } {
  const parts = id.split(':');
  const [scheme, name = '', port = ''] = parts.length === 3 ? parts : ['', ...parts];
  const isValid = parts.length <= 3 && name !== '' && ['', 'http', 'https'].includes(scheme ?? '');
  if (!isValid) throw badRequest(`invalid service request ${JSON.stringify(id)}`);
  return { scheme: scheme === 'https' ? 'https' : 'http', name, port };
}

function nameOfPort(service: KubeObject, name: string, port: number): string {
  const found = objectsAt(service, 'spec', 'ports').find((each) => each['port'] === port);
  if (found === undefined) throw unavailable(`no service port ${port} found for service "${name}"`);
  return stringAt(found, 'name');
}

function unavailable(message: string): StatusError {
  return new StatusError(503, 'ServiceUnavailable', message);
}

/** The addresses of pods behind ready endpoints of a slice. */
function placesOf(call: Call, slice: KubeObject, portName: string): readonly Place[] {
  const number = numberAt(
    objectsAt(slice, 'ports').find((each) => stringAt(each, 'name') === portName),
    'port',
  );
  if (number === undefined) return [];
  return objectsAt(slice, 'endpoints').flatMap((endpoint) => {
    if (fieldsAt(endpoint, 'conditions')['ready'] !== true) return [];
    const pod = call.cluster.get('pods', objectKey(namespaceOf(call), stringAt(endpoint, 'targetRef', 'name')));
    const host = stringAt({ address: listAt(endpoint, 'addresses')[0] }, 'address');
    return pod === undefined || host === '' ? [] : [{ host, port: processPort(pod, number) }];
  });
}

function processPort(pod: KubeObject, port: number): number {
  const noted = parsePorts(pod.metadata.annotations?.[portsAnnotation] ?? '{}');
  const name = objectsAt(pod, 'spec', 'containers')
    .flatMap((container) => objectsAt(container, 'ports'))
    .find((each) => each['containerPort'] === port)?.['name'];
  return numberAt(noted, typeof name === 'string' ? name : `${port}`) ?? port;
}

function parsePorts(text: string): unknown {
  try {
    const ports: unknown = JSON.parse(text);
    return isFields(ports) ? ports : {};
  } catch {
    return {};
  }
}

/** Up to the name of the Service: in a path that is handed on, "proxy" may stand again. */
function prefixLength(path: string): number {
  return /^(\/+[^/]+){6}/.exec(path)?.[0].length ?? 0;
}

/** A Service's own root must end in a slash, or relative links of its pages would lead elsewhere. */
function redirect(request: ApiRequest): Answer {
  return {
    kind: 'text',
    code: 301,
    text: '',
    headers: { location: `${request.path}/${queryOf(request)}` },
  };
}

function queryOf({ query }: ApiRequest): string {
  return query.size === 0 ? '' : `?${query.toString()}`;
}

function forward(request: ApiRequest, url: string, response: ServerResponse): Promise<void> {
  return new Promise((resolve, reject) => {
    const { method, body, headers } = request;
    const send = url.startsWith('https:') ? httpsRequest : httpRequest;
    const forwarded = {
      ...ownHeaders(headers),
      ...(headers.host !== undefined && { 'x-forwarded-host': headers.host, host: headers.host }),
      'x-forwarded-uri': request.path,
      ...(body.length > 0 && { 'content-length': body.length }),
    };
    const upstream = send(url, { method, headers: forwarded, agent: false, rejectUnauthorized: false });
    response.on('close', () => upstream.destroy());
    upstream.on('error', (error) => {
      if (response.headersSent || response.destroyed) resolve(response.destroy() && undefined);
      else reject(unavailable(`error trying to reach service: ${wording(error, url)}`));
    });
    upstream.on('response', (answer) => resolve(pass(answer, response)));
    upstream.end(body);
  });
}

function ownHeaders(headers: Readonly<Record<string, string | string[] | undefined>>): OutgoingHttpHeaders {
  return Object.fromEntries(
    Object.entries(headers).filter(([name, value]) => value !== undefined && !perConnection.includes(name)),
  );
}

/** As Go says it. */
function wording(error: Error, url: string): string {
  const isRefused = 'code' in error && error.code === 'ECONNREFUSED';
  return isRefused ? `dial tcp ${new URL(url).host}: connect: connection refused` : error.message;
}

function pass(answer: IncomingMessage, response: ServerResponse): void {
  response.writeHead(answer.statusCode ?? 502, ownHeaders(answer.headers));
  response.flushHeaders();
  answer.on('error', () => response.destroy());
  answer.pipe(response);
}
