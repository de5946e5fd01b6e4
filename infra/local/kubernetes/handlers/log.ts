import { request as httpsRequest } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Answer } from '../http/answer.ts';
import { checkQuery } from '../http/request.ts';
import { numberAt, objectsAt, stringAt } from '../json.ts';
import { badRequest, invalid, StatusError } from '../status.ts';
import type { Faults } from '../resources/resource.ts';
import { checkNotNegative } from '../validation/check.ts';
import { forbiddenField, invalidValue } from '../validation/faults.ts';
import type { KubeObject } from '../types.ts';
import type { Call } from './context.ts';
import { requireObject } from './read.ts';

/** Handed on to the kubelet as they are. */
const kubeletParameters = ['follow', 'limitBytes', 'previous', 'sinceSeconds', 'sinceTime', 'tailLines', 'timestamps'];

/** How long the kubelet may take to begin its answer. */
const kubeletTimeoutMs = 30_000;

/**
 * GET pods/NAME/log: asks the kubelet of the pod's node, whose certificate is not verified, as kube-apiserver does
 * unless a CA is configured. A pod that is on no node yet has no log: an empty answer.
 */
export function handleLog(call: Call): Answer {
  checkQuery(call.request, 'log', [...kubeletParameters, 'container', 'insecureSkipTLSVerifyBackend', 'stream']);
  const pod = requireObject(call);
  checkOptions(call, pod.metadata.name);
  const container = containerOf(call, pod);
  const nodeName = stringAt(pod, 'spec', 'nodeName');
  if (nodeName === '') return { kind: 'text', code: 200, text: '', headers: { 'content-type': 'text/plain' } };
  const node = call.cluster.get('nodes', nodeName);
  if (node === undefined)
    throw new StatusError(404, 'NotFound', `pods "${nodeName}" not found`, { name: nodeName, kind: 'pods' });
  const url = logUrl(call, pod, { container, node });
  return { kind: 'stream', run: (response) => proxy(url, response) };
}

function checkOptions({ request }: Call, pod: string): void {
  const faults: Faults = [];
  for (const name of ['limitBytes', 'sinceSeconds', 'tailLines']) {
    const text = request.query.get(name) ?? '';
    if (text === '') continue;
    const value = Number(text);
    if (!/^-?\d+$/.test(text)) throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
    if (name === 'tailLines') checkNotNegative(faults, name, value);
    else if (value < 1) faults.push(invalidValue(name, value, 'must be greater than 0'));
  }
  if (request.query.has('sinceSeconds') && request.query.has('sinceTime')) {
    faults.push(forbiddenField('', 'at most one of `sinceTime` or `sinceSeconds` may be specified'));
  }
  if (faults.length > 0) throw invalid('PodLogOptions', '', pod, faults);
}

function containerOf(call: Call, pod: KubeObject): string {
  function names(field: string): readonly string[] {
    return objectsAt(pod, 'spec', field).map((each) => stringAt(each, 'name'));
  }
  const asked = call.request.query.get('container') ?? '';
  const main = names('containers');
  const all = [...names('initContainers'), ...main, ...names('ephemeralContainers')];
  const { name } = pod.metadata;
  if (asked !== '') {
    if (all.includes(asked)) return asked;
    throw badRequest(`container ${asked} is not valid for pod ${name}`);
  }
  const preferred = pod.metadata.annotations?.['kubectl.kubernetes.io/default-container'] ?? '';
  const [only = ''] = main;
  if (main.length === 1) return only;
  if (main.includes(preferred)) return preferred;
  const inits = names('initContainers');
  const also = inits.length === 0 ? '' : ` or one of the init containers: [${inits.join(' ')}]`;
  throw badRequest(`a container name must be specified for pod ${name}, choose one of: [${main.join(' ')}]${also}`);
}

function logUrl(
  call: Call,
  pod: KubeObject,
  { container, node }: { readonly container: string; readonly node: KubeObject },
): URL {
  const addresses = objectsAt(node, 'status', 'addresses');
  function ofType(type: string): string {
    return stringAt(
      addresses.find((each) => each['type'] === type),
      'address',
    );
  }
  const host = ofType('InternalIP') || ofType('Hostname') || ofType('ExternalIP');
  const port = numberAt(node, 'status', 'daemonEndpoints', 'kubeletEndpoint', 'Port') ?? 0;
  if (host === '' || port === 0)
    throw new StatusError(500, 'InternalError', `no preferred addresses found; known addresses: []`);
  const path = [pod.metadata.namespace ?? '', pod.metadata.name, container].map(encodeURIComponent).join('/');
  const url = new URL(`https://${host.includes(':') ? `[${host}]` : host}:${port}/containerLogs/${path}`);
  for (const name of kubeletParameters) {
    const value = call.request.query.get(name);
    if (value !== null) url.searchParams.set(name, value);
  }
  return url;
}

function proxy(url: URL, response: ServerResponse): Promise<void> {
  return new Promise((resolve, reject) => {
    const upstream = httpsRequest(url, { rejectUnauthorized: false, agent: false, timeout: kubeletTimeoutMs });
    function fail(because: string): void {
      reject(new StatusError(500, undefined, `Get "${url.href}": ${because}`));
    }
    response.on('close', () => upstream.destroy());
    upstream.on('timeout', () => upstream.destroy(new Error('net/http: timeout awaiting response headers')));
    upstream.on('error', (error) => {
      if (response.headersSent || response.destroyed) resolve(response.destroy() && undefined);
      else fail(error.message);
    });
    upstream.on('response', (answer) => {
      upstream.setTimeout(0);
      forward(answer, response, fail).then(resolve, reject);
    });
    upstream.end();
  });
}

async function forward(
  answer: IncomingMessage,
  response: ServerResponse,
  fail: (because: string) => void,
): Promise<void> {
  if (answer.statusCode !== 200) {
    const chunks: string[] = [];
    for await (const chunk of answer.setEncoding('utf8')) chunks.push(String(chunk));
    const text = chunks.join('').trim();
    if (answer.statusCode === 400) throw badRequest(text);
    if (answer.statusCode === 404) throw new StatusError(404, 'NotFound', text, {});
    return fail(`the kubelet answered ${answer.statusCode}: ${text}`);
  }
  response.writeHead(200, { 'content-type': 'text/plain' });
  response.flushHeaders();
  answer.on('error', () => response.destroy());
  answer.pipe(response);
}
