import type { HttpFunction } from '@google-cloud/functions-framework';
import type { Request, RequestHandler } from 'express';
import express from 'express';
import { MethodNotAllowedError, NotFoundError } from '../errors.ts';
import type { Answer, RespondDeps } from './respond.ts';
import { respond } from './respond.ts';

/** Serves one call: parses the request, calls a use case, answers. `signal` aborts when the request's time is over. */
export type Handler<D> = (deps: D, req: Request, signal: AbortSignal) => Promise<Answer>;

type Method = 'get' | 'post' | 'delete';

/** The handlers by express path and method; the first path that matches counts. */
export type Routes<D> = Readonly<Record<string, Readonly<Partial<Record<Method, Handler<D>>>>>>;

export interface RoutesDeps extends RespondDeps {
  readonly requestTimeoutMs: number;
}

/**
 * An HTTP function with `routes`. Another method of one of the paths is answered 405, another path 404 with `hint`,
 * which lists what exists.
 */
export function serveRoutes<D extends RoutesDeps>(deps: D, routes: Routes<D>, hint: string): HttpFunction {
  const router = express.Router({ caseSensitive: true, strict: false });
  function on(handler: Handler<D>): RequestHandler {
    return (req, res) =>
      void respond(deps, req, res, () => handler(deps, req, AbortSignal.timeout(deps.requestTimeoutMs)));
  }
  for (const [path, { get, post, delete: remove }] of Object.entries(routes)) {
    const route = router.route(path);
    if (get !== undefined) route.get(on(get));
    if (post !== undefined) route.post(on(post));
    if (remove !== undefined) route.delete(on(remove));
    const allow = [get && 'GET', post && 'POST', remove && 'DELETE'].filter((method) => method !== undefined);
    route.all(on((_deps, req) => Promise.reject(methodNotAllowed(req, allow.join(', ')))));
  }
  function notFound(req: Request): NotFoundError {
    return new NotFoundError(`There is nothing at ${req.path}. ${hint}`);
  }
  // A Router calls back where nothing matched or something failed; functions-framework passes no callback.
  return (req, res) =>
    router(req, res, (error?: unknown) => void respond(deps, req, res, () => Promise.reject(error ?? notFound(req))));
}

/** The refusal of a method; `allow` lists those that the path has. */
export function methodNotAllowed(req: Pick<Request, 'method' | 'path'>, allow: string): MethodNotAllowedError {
  return new MethodNotAllowedError(`${req.method} is not a method of ${req.path}; it takes ${allow}.`, {
    headers: { Allow: allow },
  });
}
