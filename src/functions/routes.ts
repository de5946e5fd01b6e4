import type { HttpFunction } from '@google-cloud/functions-framework';
import type { Request, RequestHandler } from 'express';
import express from 'express';
import { MethodNotAllowedError, NotFoundError } from '../errors.ts';
import type { Answer, RespondDeps } from './respond.ts';
import { respond } from './respond.ts';

/** One call of a function: parse, use case, answer. `signal` aborts when the request's time is over. */
export type Handler<D> = (deps: D, req: Request, signal: AbortSignal) => Promise<Answer>;

type Method = 'get' | 'post' | 'delete';

/** What answers which method of which path (of express); the first path that fits counts. */
export type Routes<D> = Readonly<Record<string, Readonly<Partial<Record<Method, Handler<D>>>>>>;

export interface RoutesDeps extends RespondDeps {
  readonly requestTimeoutMs: number;
}

/**
 * An HTTP function of `routes`: an express Router. Another method of one of its paths is answered 405, another path 404
 * with `hint`, which says what is there. functions-framework calls it with a request and a response only, while a
 * Router wants to be told what comes after it: here, nothing does.
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
    route.all(on(notAllowed(allow.join(', '))));
  }
  return (req, res) => router(req, res, () => on(notFound(hint))(req, res, () => {}));
}

function notAllowed(allow: string): Handler<unknown> {
  return async (_deps, req) => {
    throw new MethodNotAllowedError(`${req.method} is not a method of ${req.path}; it takes ${allow}.`, {
      headers: { Allow: allow },
    });
  };
}

function notFound(hint: string): Handler<unknown> {
  return async (_deps, req) => {
    throw new NotFoundError(`There is nothing at ${req.path}. ${hint}`);
  };
}
