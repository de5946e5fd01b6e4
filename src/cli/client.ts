import { setTimeout as delay } from 'node:timers/promises';
import { resolveContext } from './config.ts';
import { createTokens } from './credentials.ts';
import type { CredentialOptions } from './credentials.ts';
import { CliError, EXIT } from './errors.ts';
import { parseOr } from './json.ts';
import { problemError } from './problem.ts';
import type { Call, Client, Service } from './session.ts';

export interface ClientOptions extends CredentialOptions {
  readonly context?: string | undefined;
  /** Ends every call. */
  readonly interrupt: AbortSignal;
}

// Cloud Run answers 429 and 503 while an instance starts. Only reads are repeated.
const RETRIED: ReadonlySet<number> = new Set([429, 502, 503, 504]);
const RETRY_DELAYS_MS = [500, 2_000];

export function createClient(options: ClientOptions): Client {
  const { interrupt } = options;
  const context = resolveContext(options.env, options.context);
  const tokens = createTokens(options);

  async function address(service: Service | 'console'): Promise<string> {
    const found = (await context)[service];
    if (found !== undefined) return found.replace(/\/+$/, '');
    const variable = `TIO_${service.toUpperCase()}_URL`;
    throw new CliError(
      `The address of ${service} is not known. Set ${variable}, or: tio config set NAME --${service} URL`,
      EXIT.usage,
    );
  }

  async function send(service: Service, path: string, call: Call): Promise<Response> {
    const base = await address(service);
    const token = await tokens(base, options.impersonate ?? (await context).impersonate);
    const query = call.query === undefined || call.query.size === 0 ? '' : `?${call.query}`;
    try {
      return await fetch(`${base}${path}${query}`, {
        method: call.method ?? 'GET',
        headers: {
          accept: call.accept ?? 'application/json',
          'user-agent': 'tio',
          ...(call.body !== undefined && { 'content-type': 'application/yaml' }),
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
        },
        ...(call.body !== undefined && { body: call.body }),
        signal: interrupt,
      });
    } catch (error) {
      if (interrupt.aborted) throw error;
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
      throw new CliError(`${service} cannot be reached at ${base}: ${cause}`, EXIT.unreachable);
    }
  }

  async function open(service: Service, path: string, call: Call = {}): Promise<Response> {
    for (const wait of call.method === undefined ? RETRY_DELAYS_MS : []) {
      const response = await send(service, path, call).catch((error: unknown) => {
        if (error instanceof CliError && error.exitCode === EXIT.unreachable) return undefined;
        throw error;
      });
      if (response !== undefined && !RETRIED.has(response.status)) return response;
      await response?.body?.cancel();
      await delay(wait, undefined, { signal: interrupt });
    }
    return send(service, path, call);
  }

  return {
    address,
    open,
    async call(service, path, call) {
      const response = await open(service, path, call);
      const answer = { status: response.status, headers: response.headers, body: parseOr(await response.text()) };
      if (!response.ok) throw problemError(service, answer);
      return answer;
    },
  };
}
