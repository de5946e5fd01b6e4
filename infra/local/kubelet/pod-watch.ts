import { setTimeout as delay } from 'node:timers/promises';
import { ApiError, isStatus, toApiError } from './api.ts';
import type { Api } from './api.ts';
import { isPod, messageOf } from './types.ts';
import type { Pod } from './types.ts';

export interface PodHandlers {
  /** Called with all pods after each list. */
  replace(pods: readonly Pod[]): void;
  apply(pod: Pod): void;
  remove(pod: Pod): void;
}

export interface PodWatchOptions {
  readonly api: Api;
  readonly handlers: PodHandlers;
  readonly signal: AbortSignal;
  /** The wait after a failure; doubled up to 2 s. */
  readonly retryMs: number;
  readonly report: (message: string) => void;
}

const PODS = '/api/v1/pods';
const MAX_RETRY_MS = 2000;

/**
 * Lists all pods, hands them over, and goes on from there until `signal` aborts: after a cut connection from the last version seen, after
 * 410 (the server has forgotten that version) by a new list. The first list's failure is thrown.
 */
export async function watchPods(options: PodWatchOptions): Promise<{ readonly ended: Promise<void> }> {
  const { api, handlers, signal, retryMs, report } = options;
  async function list(): Promise<string> {
    const answer = await api.get(PODS, { signal });
    handlers.replace(itemsOf(answer));
    return versionOf(answer);
  }

  async function run(first: string): Promise<void> {
    let version: string | null = first;
    let waitMs = retryMs;
    let isReported = false;
    function onVersion(seen: string): void {
      version = seen;
      waitMs = retryMs;
      isReported = false;
    }
    while (!signal.aborted) {
      try {
        if (version === null) version = await list();
        else await follow(options, version, onVersion);
        // A server that ends watches at once must not be asked without a pause.
        await delay(retryMs, undefined, { signal }).catch(() => {});
      } catch (error) {
        if (signal.aborted) return;
        if (isStatus(error, 410)) version = null;
        else if (!isReported) report(`the watch on pods was lost: ${messageOf(error)}`);
        isReported = true;
        // A refusal may be about the version (400, 504 from another server's numbering): only a list can show that.
        if (error instanceof ApiError) version = null;
        await delay(waitMs, undefined, { signal }).catch(() => {});
        waitMs = Math.min(MAX_RETRY_MS, waitMs * 2);
      }
    }
  }
  return { ended: run(await list()) };
}

function itemsOf(list: unknown): Pod[] {
  const items: unknown = typeof list === 'object' && list !== null ? Reflect.get(list, 'items') : undefined;
  return Array.isArray(items) ? items.filter(isPod) : [];
}

function versionOf(object: unknown): string {
  const metadata: unknown = typeof object === 'object' && object !== null ? Reflect.get(object, 'metadata') : undefined;
  const version: unknown =
    typeof metadata === 'object' && metadata !== null ? Reflect.get(metadata, 'resourceVersion') : undefined;
  return typeof version === 'string' ? version : '';
}

/** Watches from a version until the server ends the watch; each version seen is passed on, because a broken connection ends the watch with an error. */
async function follow(
  { api, handlers, signal }: PodWatchOptions,
  from: string,
  onVersion: (version: string) => void,
): Promise<void> {
  for await (const { type, object } of api.watch(PODS, { resourceVersion: from, signal })) {
    if (type === 'ERROR') throw toApiError(500, object, JSON.stringify(object));
    deliver(type, object, handlers);
    const version = versionOf(object);
    if (version !== '') onVersion(version);
  }
}

function deliver(type: string, object: unknown, handlers: PodHandlers): void {
  if (!isPod(object)) return;
  if (type === 'DELETED') handlers.remove(object);
  else if (type === 'ADDED' || type === 'MODIFIED') handlers.apply(object);
}
