import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/** As containerd: a longer line is stored in parts. */
const MAX_LINE_BYTES = 16 * 1024;

/** The log of one run of a container, in the CRI format: `<RFC 3339 nano> <stdout|stderr> <F|P> <line>`; P is a part without its end. */
export interface LogFile {
  readonly path: string;
  write(stream: 'stdout' | 'stderr', chunk: Buffer): void;
  /** Stores what has no line end yet, and closes. */
  end(): void;
  readonly ended: boolean;
  /** Resolves at the next write or end. */
  changed(): Promise<void>;
}

/** Writes are synchronous: what a program has printed before it ended is in the file when its end is reported. */
export function createLogFile(path: string, now: () => number = Date.now): LogFile {
  mkdirSync(dirname(path), { recursive: true });
  const fd = openSync(path, 'a');
  const rest: Record<'stdout' | 'stderr', Buffer> = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };
  let waiting: (() => void)[] = [];
  let ended = false;

  function notify(): void {
    const woken = waiting;
    waiting = [];
    for (const wake of woken) wake();
  }
  function store(stream: string, tag: 'F' | 'P', line: Buffer): void {
    try {
      writeSync(fd, Buffer.concat([Buffer.from(`${stamp(now())} ${stream} ${tag} `), line, Buffer.from('\n')]));
    } catch {
      // A full disk loses the line, not the pod.
    }
  }

  return {
    path,
    write: (stream, chunk) => {
      if (ended) return;
      let pending = Buffer.concat([rest[stream], chunk]);
      for (let end = pending.indexOf(10); end !== -1 || pending.length > MAX_LINE_BYTES; end = pending.indexOf(10)) {
        const whole = end !== -1 && end <= MAX_LINE_BYTES;
        store(stream, whole ? 'F' : 'P', pending.subarray(0, whole ? end : MAX_LINE_BYTES));
        pending = pending.subarray(whole ? end + 1 : MAX_LINE_BYTES);
      }
      rest[stream] = pending;
      notify();
    },
    end: () => {
      if (ended) return;
      for (const stream of ['stdout', 'stderr'] as const) if (rest[stream].length > 0) store(stream, 'P', rest[stream]);
      closeSync(fd);
      ended = true;
      notify();
    },
    get ended() {
      return ended;
    },
    changed: () => new Promise((resolve) => (ended ? resolve() : void waiting.push(resolve))),
  };
}

function stamp(nowMs: number): string {
  return new Date(nowMs).toISOString().replace('Z', '000000Z');
}
