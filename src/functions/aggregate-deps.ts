import type { LaunchDeps } from '../runs/finish.ts';
import type { JsonObject } from '../values/json.ts';
import type { Handler, RoutesDeps } from './routes.ts';
import type { TasksDeps } from './tasks.ts';

export interface AggregateDeps extends LaunchDeps, RoutesDeps, TasksDeps {
  /** The values of configuration, over which a request's are laid. */
  readonly configuredValues: (signal: AbortSignal) => Promise<JsonObject>;
  readonly defaults: { readonly namespace: string; readonly releaseName: string };
}

export type AggregateHandler = Handler<AggregateDeps>;
