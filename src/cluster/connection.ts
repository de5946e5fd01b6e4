import type { RequestContext, ResponseContext } from '@kubernetes/client-node';
import { Agent } from 'undici';
import type { ClusterAccess, ClusterEndpoint } from './gke.ts';
import { sendRequest } from './http-library.ts';
import { describeNetworkError, isNotConnected } from './network-error.ts';

/** The base that the generated clients are given; the endpoint of the moment takes its place. */
export const PLACEHOLDER_SERVER = 'https://cluster.invalid';

/** Below our deadline, so that a black-holed address leaves time to look up where the cluster is now. */
const CONNECT_TIMEOUT_MS = 4_000;
/**
 * Below what servers and load balancers keep idle connections for. Between two requests an instance may be frozen, and
 * timers with it: by the wall clock such connections are older than the agent knows, and are not used again.
 */
const MAX_IDLE_MS = 30_000;
const MAX_CONNECTIONS = 64;
const MAX_RESPONSE_BYTES = 64 * 1024 * 1024;

/**
 * Sends a request of the generated clients to the cluster: the endpoint, a token asked for this very request, one
 * forced refresh and one repeat on 401, and one repeat at the new address when the cluster could not be reached at the
 * remembered one. Both repeats are safe for writes as well: neither request was carried out.
 */
export function createConnection(
  access: ClusterAccess,
  now: () => number = Date.now,
): (context: RequestContext) => Promise<ResponseContext> {
  const agentFor = createAgents(now);

  async function sendTo(endpoint: ClusterEndpoint, context: RequestContext, path: string): Promise<ResponseContext> {
    async function sendAs(token: string | undefined): Promise<ResponseContext> {
      context.setUrl(buildUrl(endpoint, path));
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

/** One agent for the endpoint of the moment; another endpoint, or a long pause, gets another. */
function createAgents(now: () => number): (endpoint: ClusterEndpoint) => Agent {
  let current: { readonly key: string; readonly agent: Agent } | undefined;
  let usedAt = 0;
  return (endpoint) => {
    const key = JSON.stringify(endpoint);
    const isIdle = now() - usedAt > MAX_IDLE_MS;
    usedAt = now();
    if (current !== undefined && current.key === key && !isIdle) return current.agent;
    // Requests under way on the old agent end as they would have; its close is not waited for.
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

function buildUrl(endpoint: ClusterEndpoint, url: string): string {
  return `${endpoint.server}${url.slice(PLACEHOLDER_SERVER.length)}`;
}

/** Ends with the signal's reason as soon as it is aborted, whatever `work` does then. */
async function raceSignal<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  function onAbort(): void {
    aborted.reject(signal?.reason);
  }
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
