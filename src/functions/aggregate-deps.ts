import type { Request } from 'express';
import type { LaunchDeps } from '../aggregation/finish.ts';
import type { JsonObject } from '../values/json.ts';
import type { Answer, RespondDeps } from './respond.ts';
import type { TasksDeps } from './tasks.ts';

export interface AggregateDeps extends LaunchDeps, RespondDeps, TasksDeps {
  /** The values of configuration, over which a request's are laid. */
  readonly configuredValues: (signal: AbortSignal) => Promise<JsonObject>;
  readonly defaults: { readonly namespace: string; readonly releaseName: string };
  readonly requestTimeoutMs: number;
}

/** One call of `aggregate`: parse, use case, answer. */
export type Handler = (deps: AggregateDeps, req: Request, signal: AbortSignal) => Promise<Answer>;
