import type { Request } from 'express';
import type { LogDeps, LogSource } from '../jobs/pod-log.ts';
import { MAX_LOG_LINES, openLog } from '../jobs/pod-log.ts';
import { flag, parseQuery, text, wholeNumber } from './query.ts';
import type { Answer } from './respond.ts';

/** The answer of a call that reads or follows a log, as text. `locate` finds the pod. Throws NotFoundError. */
export async function answerLog(
  deps: LogDeps,
  req: Request,
  signal: AbortSignal,
  locate: (signal: AbortSignal) => Promise<LogSource>,
): Promise<Answer> {
  const query = parseQuery(req.url, ['follow', 'tail', 'timestamps', 'after']);
  const request = {
    follow: flag(query, 'follow'),
    tail: wholeNumber(query, 'tail', 1, MAX_LOG_LINES) ?? MAX_LOG_LINES,
    timestamps: flag(query, 'timestamps'),
    after: text(query, 'after') ?? '',
  };
  const stream = await openLog(deps, locate, request, signal);
  return { status: 200, body: '', stream, contentType: 'text/plain; charset=utf-8' };
}
