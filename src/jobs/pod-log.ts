import type { Pods } from '../cluster/port.ts';
import { AppError, NotFoundError } from '../errors.ts';
import { CONTAINER_NAME } from './manifest.ts';

export interface LogDeps {
  readonly cluster: Pick<Pods, 'podLog'>;
  readonly wait: (ms: number, signal?: AbortSignal) => Promise<void>;
}

/** Where the log of a Job is. */
export interface LogSource {
  readonly namespace: string;
  /** The newest pod; `undefined` while there is none. */
  readonly pod: string | undefined;
  /** Nothing more is written. */
  readonly isOver: boolean;
}

export interface LogRequest {
  /** Continue until the source is over, or the time is up. */
  readonly follow: boolean;
  /** At most this many lines of what exists at the start. */
  readonly tail: number;
  /** Lines up to this timestamp are left out. */
  readonly after: string;
  /** Each line begins with its timestamp and a space. */
  readonly timestamps: boolean;
}

/** Lines of one read: a container that writes more between two reads loses the oldest of them. */
export const MAX_LOG_LINES = 10_000;
const POLL_MS = 2_000;

/**
 * The log of an aggregator as chunks of whole lines. `locate` finds the pod, again before each read: a failed pod has a
 * successor. Throws NotFoundError where the Job is over and there is no log. The chunks end early when `closed` aborts, and
 * throw when `signal` does: the caller must not take the part for the whole.
 */
export async function openLog(
  deps: LogDeps,
  locate: (signal: AbortSignal) => Promise<LogSource>,
  request: LogRequest,
  signal: AbortSignal,
): Promise<(closed: AbortSignal) => AsyncGenerator<string>> {
  async function read(tail: number, ending: AbortSignal) {
    // Located first: what is written before the end is then in the log that is read after it.
    const { namespace, pod, isOver } = await locate(ending);
    const options = { container: CONTAINER_NAME, tailLines: tail, timestamps: true, signal: ending };
    const text = pod === undefined ? null : await deps.cluster.podLog(namespace, pod, options);
    return { text, isOver };
  }

  const first = await read(request.tail, signal);
  if (first.isOver && first.text === null) {
    throw new NotFoundError('The pod no longer exists, and its log with it. Cloud Logging keeps logs of GKE longer.');
  }
  return async function* chunks(closed) {
    const ending = AbortSignal.any([signal, closed]);
    let position: Position = { time: request.after, count: Number.POSITIVE_INFINITY };
    for (let { text, isOver } = first; ;) {
      const found = linesAfter(text ?? '', position);
      position = found.position;
      const shown = found.lines.map((line) => `${request.timestamps ? line : line.slice(timeOf(line).length + 1)}\n`);
      if (shown.length > 0) yield shown.join('');
      if (isOver || !request.follow) return;
      try {
        await deps.wait(POLL_MS, ending);
        ({ text, isOver } = await read(MAX_LOG_LINES, ending));
      } catch (error) {
        if (closed.aborted) return;
        if (signal.aborted || !(error instanceof AppError && error.retryable)) throw error;
      }
    }
  };
}

/** The time of the last line that was returned, and how many lines with that time were. */
interface Position {
  readonly time: string;
  readonly count: number;
}

/** The lines after a position. Timestamps of one pod have one length, so their order is that of their text. */
function linesAfter(text: string, { time, count }: Position): { lines: readonly string[]; position: Position } {
  const later = text.split('\n').filter((line) => line !== '' && timeOf(line) >= time);
  const last = timeOf(later.at(-1) ?? time);
  function countAt(at: string): number {
    return later.filter((line) => timeOf(line) === at).length;
  }
  const position = { time: last, count: last === time ? Math.max(count, countAt(last)) : countAt(last) };
  return { lines: later.slice(Math.min(count, countAt(time))), position };
}

function timeOf(line: string): string {
  return line.split(' ', 1)[0] ?? '';
}
