import { type Caller, sendRaw } from './call.ts';
import type { Probe, ServiceProxy } from './release-port.ts';

const MAX_BODY = 4_096;

/** Statuses of front ends and of the API server's own queue; no service of a release uses them. */
const INTERMEDIARY: ReadonlySet<number> = new Set([429, 502, 504]);

/** GET through the API server's service proxy, which reaches a Service from outside the cluster's network. */
export function createServiceProxy(call: Caller): ServiceProxy {
  return {
    probeService: async (namespace, service, port, path, options) =>
      call<Probe>({
        verb: 'get',
        resource: 'services/proxy',
        apiGroup: '',
        namespace,
        name: `${service}:${port}`,
        options,
        isIdempotent: false,
        expects: 'text',
        send: async (sendOptions) => {
          const base = `/api/v1/namespaces/${encodeURIComponent(namespace)}/services`;
          const answer = await sendRaw(sendOptions, {
            method: 'GET',
            path: `${base}/${encodeURIComponent(service)}:${encodeURIComponent(port)}/proxy${path}`,
          });
          const body = await answer.body.text();
          const message = intermediaryMessage(answer.httpStatusCode, body);
          if (message !== undefined) return { kind: 'unreachable', message };
          return { kind: 'answered', status: answer.httpStatusCode, body: body.slice(0, MAX_BODY) };
        },
      }),
  };
}

/** The message of an intermediary that answered instead of the pod: there was no endpoint, or it could not be reached. */
function intermediaryMessage(status: number, body: string): string | undefined {
  if (INTERMEDIARY.has(status)) return `${status}: ${body.slice(0, 300).trim()}`;
  if (/^error trying to reach service/i.test(body)) return body.slice(0, 300);
  if (!body.startsWith('{') || status < 400) return undefined;
  try {
    const json: unknown = JSON.parse(body);
    if (typeof json !== 'object' || json === null || !('kind' in json) || json.kind !== 'Status') return undefined;
    return 'message' in json && typeof json.message === 'string' ? json.message : 'no reason given';
  } catch {
    return undefined;
  }
}
