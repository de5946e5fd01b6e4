import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Reply } from './http.ts';

/** The fault of one request; undefined means none. */
export type Fault =
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  | { readonly delayMs: number }
  /** Closes the connection without carrying the request out. */
  | 'reset-before'
  /** Carries the request out, then closes the connection without an answer. */
  | 'reset-after'
  | undefined;

/** Called once per request. */
export type Faults = (request: { readonly method: string; readonly path: string }) => Fault;

/** Carries a request out under `fault`. */
export async function injectFault(fault: Fault, carryOut: () => Promise<Reply>): Promise<Reply | 'reset'> {
  if (fault === undefined) return carryOut();
  if (fault === 'reset-before') return 'reset';
  if (fault === 'reset-after') {
    const { body } = await carryOut();
    if (body instanceof Readable) body.destroy();
    return 'reset';
  }
  if ('delayMs' in fault) {
    await sleep(fault.delayMs);
    return carryOut();
  }
  const body = JSON.stringify({
    error: {
      code: fault.status,
      message: 'Injected fault.',
      errors: [{ domain: 'global', reason: 'injected', message: 'Injected fault.' }],
    },
  });
  return {
    status: fault.status,
    headers: { 'content-type': 'application/json; charset=UTF-8', ...fault.headers },
    body,
  };
}
