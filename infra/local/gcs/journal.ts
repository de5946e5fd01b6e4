import type { FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';

/**
 * An append-only file of records: `<crc32> <json bytes> <body bytes>\n<json><body>\n`.
 *
 * A record is durable once `write(2)` returns: it survives the end of this process, including `kill -9`. It is not
 * fsync-ed, so a crash of the machine may lose the newest ones.
 */
export interface Journal {
  /** Schedules an append; returns the offset of `body` in the file. */
  append(json: string, body?: Buffer): number;
  /** Resolves once everything appended before is written. Always rejects after a failed write. */
  flushed(): Promise<void>;
  /** Bytes of the file; waits for them to be written. */
  read(offset: number, length: number): Promise<Buffer>;
  close(): Promise<void>;
}

const EMPTY = Buffer.alloc(0);

/** The bytes of one record, and where in them the body starts. */
export function buildRecord(json: string, body: Buffer = EMPTY): { parts: Buffer[]; bodyAt: number; length: number } {
  const text = Buffer.from(json);
  const checksum = crc32(body, crc32(text)).toString(16).padStart(8, '0');
  const head = Buffer.from(`${checksum} ${text.length} ${body.length}\n`);
  const parts = [head, text, ...(body.length > 0 ? [body] : []), Buffer.from('\n')];
  const bodyAt = head.length + text.length;
  return { parts, bodyAt, length: bodyAt + body.length + 1 };
}

/** Opens a journal that continues at `end`. Records appended during a write are written together by the next. */
export function createJournal(file: FileHandle, end: number): Journal {
  let queue: Buffer[] = [];
  let [queuedEnd, writtenEnd] = [end, end];
  let writing: Promise<void> | null = null;
  let failure: Error | null = null;

  async function drain(): Promise<void> {
    while (queue.length > 0) {
      const bytes = Buffer.concat(queue);
      queue = [];
      await writeAll(file, bytes, writtenEnd);
      writtenEnd += bytes.length;
    }
  }
  async function start(): Promise<void> {
    // One turn of the event loop, so that requests that arrive together are written together.
    await new Promise<void>((resolve) => setImmediate(resolve));
    try {
      await drain();
    } catch (error) {
      failure = new Error('the journal cannot be written', { cause: error });
    } finally {
      writing = null;
    }
  }
  async function flushed(): Promise<void> {
    const target = queuedEnd;
    while (failure === null && writtenEnd < target) await (writing ??= start());
    if (failure !== null) throw failure;
  }

  return {
    append(json, body) {
      const record = buildRecord(json, body);
      const offset = queuedEnd + record.bodyAt;
      queue.push(...record.parts);
      queuedEnd += record.length;
      writing ??= start();
      return offset;
    },
    flushed,
    async read(offset, length) {
      if (offset + length > writtenEnd) await flushed();
      return readAll(file, offset, length);
    },
    async close() {
      await flushed().catch(() => undefined);
      await file.close();
    },
  };
}

async function writeAll(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

async function readAll(file: FileHandle, offset: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length);
  for (let done = 0; done < length;) {
    const { bytesRead } = await file.read(bytes, done, length - done, offset + done);
    if (bytesRead === 0) throw new Error('the journal is shorter than it was');
    done += bytesRead;
  }
  return bytes;
}
