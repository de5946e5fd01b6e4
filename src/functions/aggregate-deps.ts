import type { LaunchDeps } from '../runs/finish.ts';
import type { JsonObject } from '../values/json.ts';
import type { Handler, RoutesDeps } from './routes.ts';
import type { TasksDeps } from './tasks.ts';

export interface AggregateDeps extends LaunchDeps, RoutesDeps, TasksDeps {
  /** The values of configuration, over which a request's are laid. */
  readonly configuredValues: (signal: AbortSignal) => Promise<JsonObject>;
  /** The account whose `X-CloudScheduler` headers are accepted; `undefined`: nobody's. */
  readonly schedulerServiceAccount?: string | undefined;
  readonly defaults: { readonly namespace: string; readonly releaseName: string };
}

export type AggregateHandler = Handler<AggregateDeps>;
