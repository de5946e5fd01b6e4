import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import type { LogFile } from './log-file.ts';

export interface LogOptions {
  readonly follow?: boolean;
  readonly timestamps?: boolean;
  readonly tailLines?: number;
  readonly sinceMs?: number;
  readonly limitBytes?: number;
}

const CHUNK_BYTES = 64 * 1024;

/**
 * A container's log as `kubectl logs` shows it. `live` is the writer while the container runs: needed to follow.
 * @throws when the file is not there
 */
export async function* readLog(
  path: string,
  options: LogOptions,
  live: LogFile | null,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  await using file = await open(path, 'r');
  const offset = options.tailLines === undefined ? 0 : await tailOffset(file, options.tailLines);
  let left = options.limitBytes ?? Number.POSITIVE_INFINITY;
  for await (const raw of rawLines(file, offset, options.follow === true ? live : null, signal)) {
    const line = render(raw, options);
    if (line === null) continue;
    if (line.length >= left) return yield line.subarray(0, left);
    left -= line.length;
    yield line;
  }
}

/** Where the last `count` lines begin. */
async function tailOffset(file: FileHandle, count: number): Promise<number> {
  const { size } = await file.stat();
  const buffer = Buffer.alloc(CHUNK_BYTES);
  let seen = 0;
  for (let end = size; end > 0;) {
    const start = Math.max(0, end - CHUNK_BYTES);
    await file.read(buffer, 0, end - start, start);
    for (let i = end - start - 1; i >= 0; i -= 1) {
      if (buffer[i] !== 10) continue;
      // The line end at the very end of the file closes the last line: one more is needed than there are lines.
      if (seen === count) return start + i + 1;
      seen += 1;
    }
    end = start;
  }
  return 0;
}

/** Lines from `offset`; at the end of the file waits for more as long as `live` writes. */
async function* rawLines(
  file: FileHandle,
  offset: number,
  live: LogFile | null,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  let position = offset;
  let rest: Buffer = Buffer.alloc(0);
  const stopped = aborted(signal);
  while (!signal.aborted) {
    const ended = live === null || live.ended;
    const changed = live?.changed();
    const { bytesRead, buffer } = await file.read(Buffer.alloc(CHUNK_BYTES), 0, CHUNK_BYTES, position);
    position += bytesRead;
    rest = Buffer.concat([rest, buffer.subarray(0, bytesRead)]);
    for (let end = rest.indexOf(10); end !== -1; end = rest.indexOf(10)) {
      yield rest.subarray(0, end);
      rest = rest.subarray(end + 1);
    }
    if (bytesRead > 0) continue;
    if (ended) return;
    await Promise.race([changed, stopped]);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

function render(raw: Buffer, { timestamps = false, sinceMs }: LogOptions): Buffer | null {
  const [time = '', , tag] = raw.toString('latin1', 0, 64).split(' ', 3);
  if (tag !== 'F' && tag !== 'P') return null;
  if (sinceMs !== undefined && Date.parse(time) < sinceMs) return null;
  const header = raw.indexOf(` ${tag} `) + 3;
  const content = raw.subarray(header);
  const parts = timestamps ? [Buffer.from(`${time} `), content] : [content];
  return Buffer.concat(tag === 'F' ? [...parts, Buffer.from('\n')] : parts);
}

/** The end of a log, for a termination message: at most 80 lines and 2048 bytes, as the kubelet takes. */
export async function readLogTail(path: string): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const line of readLog(path, { tailLines: 80 }, null, new AbortController().signal)) chunks.push(line);
  const all = Buffer.concat(chunks);
  return all.subarray(Math.max(0, all.length - 2048)).toString('utf8');
}
