import { type RequestContext, ResponseContext } from '@kubernetes/client-node/dist/gen/http/http.js';
import { Agent, type Dispatcher } from 'undici';
import { countUpstreamCall } from '../log.ts';
import { raceSignal } from '../upstream/call.ts';
import { describeNetworkError, isNotConnected } from '../upstream/network-error.ts';

/** How to open a TLS connection to the API server. */
export interface ClusterEndpoint {
  /** Base URL; that of Connect Gateway has a path. */
  readonly server: string;
  /** If absent, public certificate authorities are trusted. */
  readonly caPem?: string;
  readonly clientCertPem?: string;
  readonly clientKeyPem?: string;
  readonly tlsServerName?: string;
  readonly skipTlsVerify?: boolean;
}

/** The address of a cluster and the credentials for it. */
export interface ClusterAccess {
  /** Looked up once per instance; a failed lookup is not kept. Throws AppError. */
  endpoint(): Promise<ClusterEndpoint>;
  /** Called for every request: the auth library caches. `undefined`: the client certificate authenticates. Throws AppError. */
  token(options?: { readonly forceRefresh: boolean }): Promise<string | undefined>;
  /** For messages: the cluster, and how it is reached. */
  describe(): string;
  /** Discards the endpoint, so that a rotated CA or a changed address is looked up again. */
  invalidate(): void;
}

/** The base URL of the generated clients, which the current endpoint replaces. */
export const PLACEHOLDER_SERVER = 'https://cluster.invalid';

/** Below the deadline of a call, so that an address that drops packets leaves time for another lookup. */
const CONNECT_TIMEOUT_MS = 4_000;
/**
 * Below the idle timeout of servers and load balancers. An instance may be frozen between two requests, and its timers
 * too: such connections are older by the wall clock than the agent assumes, and are not used again.
 */
const MAX_IDLE_MS = 30_000;
const MAX_CONNECTIONS = 64;
const MAX_RESPONSE_BYTES = 64 * 1024 * 1024;

/**
 * Sends the requests of the generated clients to the cluster over keep-alive connections; client-node itself opens a
 * connection for every request. Gets a token for each request, refreshes it and repeats once after 401, and repeats
 * once at the new address if the cluster cannot be reached at the known one. Both repeats are safe for writes: neither
 * request had an effect.
 */
export function createConnection(
  access: ClusterAccess,
  now: () => number = Date.now,
): (context: RequestContext) => Promise<ResponseContext> {
  const agentFor = createAgents(now);

  async function sendTo(endpoint: ClusterEndpoint, context: RequestContext, path: string): Promise<ResponseContext> {
    async function sendAs(token: string | undefined): Promise<ResponseContext> {
      context.setUrl(`${endpoint.server}${path.slice(PLACEHOLDER_SERVER.length)}`);
      if (token !== undefined) context.setHeaderParam('Authorization', `Bearer ${token}`);
      return sendRequest(agentFor(endpoint), context);
    }
    const signal = context.getSignal();
    const token = await raceSignal(access.token(), signal);
    const answer = await sendAs(token);
    if (answer.httpStatusCode !== 401 || token === undefined) return answer;
    return sendAs(await raceSignal(access.token({ forceRefresh: true }), signal));
  }

  return async (context) => {
    const path = context.getUrl();
    const signal = context.getSignal();
    const endpoint = await raceSignal(access.endpoint(), signal);
    try {
      return await sendTo(endpoint, context, path);
    } catch (error) {
      if (!isNotConnected(describeNetworkError(error).code)) throw error;
      access.invalidate();
      const found = await raceSignal(access.endpoint(), signal);
      if (JSON.stringify(found) === JSON.stringify(endpoint)) throw error;
      return sendTo(found, context, path);
    }
  };
}

/** One agent for the current endpoint. A different endpoint, or a long pause, gets a new agent. */
function createAgents(now: () => number): (endpoint: ClusterEndpoint) => Agent {
  let current: { readonly key: string; readonly agent: Agent } | undefined;
  let usedAt = 0;
  return (endpoint) => {
    const key = JSON.stringify(endpoint);
    const isIdle = now() - usedAt > MAX_IDLE_MS;
    usedAt = now();
    if (current !== undefined && current.key === key && !isIdle) return current.agent;
    // Requests in progress on the old agent finish normally; the close is not awaited.
    void current?.agent.close();
    current = { key, agent: createAgent(endpoint) };
    return current.agent;
  };
}

function createAgent(endpoint: ClusterEndpoint): Agent {
  return new Agent({
    allowH2: false,
    connections: MAX_CONNECTIONS,
    keepAliveTimeout: MAX_IDLE_MS,
    keepAliveMaxTimeout: MAX_IDLE_MS,
    headersTimeout: 0,
    bodyTimeout: 0,
    maxResponseSize: MAX_RESPONSE_BYTES,
    connect: {
      timeout: CONNECT_TIMEOUT_MS,
      rejectUnauthorized: endpoint.skipTlsVerify !== true,
      ...(endpoint.caPem !== undefined && { ca: endpoint.caPem }),
      ...(endpoint.clientCertPem !== undefined && { cert: endpoint.clientCertPem }),
      ...(endpoint.clientKeyPem !== undefined && { key: endpoint.clientKeyPem }),
      ...(endpoint.tlsServerName !== undefined && { servername: endpoint.tlsServerName }),
    },
  });
}

/**
 * Sends one request and reads the whole response, so that the signal of the request covers the body too and the
 * connection is free again on return. Throws what undici throws if there is no response; no status is an error. Each
 * request is counted for the log line of the invocation.
 */
async function sendRequest(dispatcher: Dispatcher, context: RequestContext): Promise<ResponseContext> {
  const url = new URL(context.getUrl());
  const signal = context.getSignal();
  const body = context.getBody();
  if (body !== undefined && typeof body !== 'string') throw new TypeError('Kubernetes requests have JSON bodies only.');
  countUpstreamCall();
  const response = await dispatcher.request({
    origin: url.origin,
    path: `${url.pathname}${url.search}`,
    method: context.getHttpMethod(),
    headers: context.getHeaders(),
    body: body ?? null,
    ...(signal !== undefined && { signal }),
  });
  const bytes = Buffer.from(await response.body.arrayBuffer());
  return new ResponseContext(response.statusCode, buildHeaders(response.headers), {
    text: () => Promise.resolve(bytes.toString('utf8')),
    binary: () => Promise.resolve(bytes),
    stream: () => new Blob([bytes]).stream(),
  });
}

/** undici's header names are lower-case, as the generated clients expect them. */
function buildHeaders(headers: Dispatcher.ResponseData['headers']): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flat[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return flat;
}
