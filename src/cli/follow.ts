import { setTimeout as delay } from 'node:timers/promises';
import { createLogUpdate } from 'log-update';
import { CliError, EXIT } from './errors.ts';
import { cellText } from './output.ts';
import type { Service, Session } from './session.ts';

export interface FollowOptions {
  readonly service: Service;
  readonly path: string;
  /** Whether a state is an end. */
  readonly isOver: (body: unknown) => boolean;
  /** The line for a state: printed once for each change. */
  readonly describe: (body: unknown) => string;
  /** Seconds until the command gives up with exit code 124; `undefined`: never. */
  readonly timeoutSec?: number | undefined;
  /** The command that resumes the wait. */
  readonly resume: string;
}

// A server's blocking query lasts at most 50 s.
const WAIT_SEC = 30;
// A server that answers a blocking query at once is asked again no faster than this.
const LEAST_POLL_MS = 500;
const HEARTBEAT_MS = 30_000;

/**
 * Follows a resource by blocking queries until it is over, and returns its last state. Throws CliError: 124 when the
 * time is up, 130 when the user interrupts. Both name the command that resumes; what runs continues in either case.
 */
export async function follow(session: Session, options: FollowOptions): Promise<unknown> {
  const { interrupt } = session;
  const { service, path, timeoutSec, resume } = options;
  const progress = createProgress(session);
  const deadline = timeoutSec === undefined ? Infinity : performance.now() + timeoutSec * 1000;
  let index: string | undefined;
  let last: unknown;
  try {
    for (;;) {
      const left = Math.ceil((deadline - performance.now()) / 1000);
      if (left <= 0) throw new CliError(`Still running after ${timeoutSec} s. Resume: ${resume}`, EXIT.timeout, last);
      const startedAt = performance.now();
      const query = new URLSearchParams(index === undefined ? {} : { wait: `${Math.min(WAIT_SEC, left)}s`, index });
      const { body, headers } = await session.client().call(service, path, { query });
      last = body;
      index = headers.get('etag') ?? undefined;
      if (options.isOver(body)) return body;
      progress.show(cellText(options.describe(body)));
      const rest = Math.min(LEAST_POLL_MS, deadline - performance.now()) - (performance.now() - startedAt);
      if (rest > 0) await delay(rest, undefined, { signal: interrupt });
    }
  } catch (error) {
    if (interrupt.aborted) throw new CliError(`Detached; it continues. Resume: ${resume}`, EXIT.detached, last);
    throw error;
  } finally {
    progress.end();
  }
}

/** One block that is redrawn on a terminal; elsewhere a line with the time for each change, and a heartbeat. */
function createProgress({ err, stderr }: Session) {
  let last = '';
  let printedAt = 0;
  const redraw = stderr.isTTY ? createLogUpdate(stderr) : undefined;
  return {
    show(line: string): void {
      if (redraw !== undefined) {
        redraw(line);
        return;
      }
      if (line === last && performance.now() - printedAt < HEARTBEAT_MS) return;
      err(`${new Date().toISOString()} ${line}\n`);
      last = line;
      printedAt = performance.now();
    },
    end(): void {
      redraw?.clear();
      redraw?.done();
    },
  };
}
