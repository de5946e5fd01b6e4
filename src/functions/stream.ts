import type { ServerResponse } from 'node:http';
import type { Request } from 'express';
import type { Answer } from './respond.ts';
import { answerOf } from './respond.ts';

/** Proxies end a connection that carries nothing; Cloud Run itself does not. */
const HEARTBEAT_MS = 15_000;
const TYPES = ['application/x-ndjson', 'text/event-stream'] as const;

type StreamType = (typeof TYPES)[number];

/** Reports one event of a running call. */
export type ReportEvent = (event: { readonly event: string; readonly message: string }) => void;

export interface StreamDeps {
  readonly now: () => Date;
  /** Calls `beat` every `ms` milliseconds until the function that it returns is called. */
  readonly every: (ms: number, beat: () => void) => () => void;
}

/**
 * The answer of `work`. If the request accepts a stream rather than JSON, the answer is a stream of the events that
 * `work` reports, as NDJSON or as server-sent events: first `start`, then the events, `heartbeat` where 15 s pass, and
 * last `end` with the status and the body that the call without the stream has. `work` goes on if the client goes away.
 */
export async function streamed(
  deps: StreamDeps,
  req: Request,
  work: (report?: ReportEvent) => Promise<Answer>,
): Promise<Answer> {
  const accepted = req.accepts(['application/json', 'text/plain', 'application/yaml', ...TYPES]);
  const type = TYPES.find((one) => one === accepted);
  if (type === undefined) return work();
  const call = `${req.method} ${req.path}`;
  return { status: 200, body: '', events: (res) => sendStream(deps, res, { type, call, work }) };
}

async function sendStream(
  { now, every }: StreamDeps,
  res: ServerResponse,
  {
    type,
    call,
    work,
  }: {
    readonly type: StreamType;
    readonly call: string;
    readonly work: (report: ReportEvent) => Promise<Answer>;
  },
): Promise<Answer> {
  let count = 0;
  function write(fields: { readonly event: string; readonly message: string; readonly [more: string]: unknown }): void {
    count += 1;
    const { event, message, ...more } = fields;
    const line = JSON.stringify({ event, time: now().toISOString(), message, ...more });
    if (!res.destroyed)
      res.write(type === 'text/event-stream' ? `id: ${count}\nevent: ${event}\ndata: ${line}\n\n` : `${line}\n`);
  }
  res.writeHead(200, {
    'Content-Type': `${type}; charset=utf-8`,
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    // nginx and the proxies that follow it would collect the lines.
    'X-Accel-Buffering': 'no',
  });
  write({ event: 'start', message: call });
  const stop = every(HEARTBEAT_MS, () => write({ event: 'heartbeat', message: 'The call is running' }));
  const answer = await answerOf(() => work(write));
  stop();
  const { status, body } = answer;
  write({ event: 'end', message: messageOf(body) ?? `Status ${status}`, status, answer: body });
  res.end();
  return answer;
}

/** The sentence of a problem document, or the outcome of another answer. */
function messageOf(body: unknown): string | undefined {
  if (typeof body !== 'object' || body === null) return undefined;
  const { detail, outcome } = { detail: undefined, outcome: undefined, ...body };
  return [detail, outcome].find((text) => typeof text === 'string');
}

/** `StreamDeps.every` of a running process. */
export function every(ms: number, beat: () => void): () => void {
  const timer = setInterval(beat, ms);
  return () => clearInterval(timer);
}
