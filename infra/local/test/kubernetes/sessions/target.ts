import { Agent, request } from 'undici';
import { startKubelet } from '../../../kubelet.ts';
import { parseBody } from './json.ts';
import { IMAGE } from './script.ts';

/** An API server, embedded or real, as its admin. */
export interface Target {
  readonly server: string;
  readonly token?: string;
  /** Its certificate authority. */
  readonly ca?: string;
  /** It answers in protobuf where that is asked for. */
  readonly speaksProtobuf?: boolean;
}

export interface RawRequest {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

export interface RawResponse {
  readonly status: number;
  readonly type: string;
  readonly body: unknown;
}

export interface Client {
  send(request: RawRequest): Promise<RawResponse>;
  /** Reads the lines of an answer that goes on until one is enough; `null` when none was within the time. */
  follow(request: RawRequest, isEnough: (line: unknown) => boolean, withinMs: number): Promise<unknown>;
  close(): Promise<void>;
}

/** A client that lets answers of every status through. */
export function createClient({ server, token }: Target): Client {
  const agent = new Agent({ allowH2: false, connect: { rejectUnauthorized: false } });
  function open({ method, path, headers = {}, body }: RawRequest, signal?: AbortSignal) {
    return request(server + path, {
      method,
      dispatcher: agent,
      headers: { ...headers, ...(token !== undefined && { authorization: `Bearer ${token}` }) },
      ...(body !== undefined && { body }),
      ...(signal !== undefined && { signal }),
    });
  }
  return {
    send: async (asked) => {
      const response = await open(asked);
      const text = await response.body.text();
      return {
        status: response.statusCode,
        type: String(response.headers['content-type'] ?? ''),
        body: parseBody(text),
      };
    },
    follow: async (asked, isEnough, withinMs) => {
      const abort = AbortSignal.timeout(withinMs);
      try {
        const response = await open(asked, abort);
        let rest = '';
        for await (const chunk of response.body) {
          const lines = (rest + String(chunk)).split('\n');
          rest = lines.pop() ?? '';
          const found = lines.map(parseBody).find(isEnough);
          if (found !== undefined) return found;
        }
      } catch (error) {
        if (!abort.aborted) throw error;
      }
      return null;
    },
    close: () => agent.destroy(),
  };
}

/** A namespace of the session's own, and a node that runs its pods; `gate` is the file that lets the Job end. */
export async function openPlace(
  target: Target,
  { namespace, workDir, gate }: { readonly namespace: string; readonly workDir: string; readonly gate: string },
): Promise<() => Promise<void>> {
  const client = createClient(target);
  const headers = { 'content-type': 'application/json' };
  await client.send({
    method: 'POST',
    path: '/api/v1/namespaces',
    headers,
    body: JSON.stringify({ metadata: { name: namespace } }),
  });
  const kubelet = await startKubelet({
    ...target,
    images: { [IMAGE]: { command: ['true'], allowCommand: true, env: { GATE: gate } } },
    workDir,
    schedulesNamespaces: [namespace],
  });
  return async () => {
    await kubelet.close();
    await client.send({ method: 'DELETE', path: `/api/v1/namespaces/${namespace}` });
    await client.close();
  };
}
