import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, openSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { crc32c } from '@node-rs/crc32';
import type { BlobRef, Digests } from './records.ts';

/** The bytes of an upload, not yet an object. */
export interface Content extends Digests {
  readonly blob: BlobRef;
}

export interface BlobWriter {
  /** Bytes received so far. */
  readonly size: number;
  write(chunk: Buffer): Promise<void>;
  finish(): Promise<Content>;
  /** Discards the written bytes. */
  discard(): Promise<void>;
}

/** Larger contents go to a file of their own, smaller ones into the journal with their object. */
const MAX_INLINE_BYTES = 64 * 1024;

/** Receives the bytes of an upload. With a `directory`, large contents are never held in memory. */
export function createBlobWriter(directory: string | null): BlobWriter {
  const spill = createSpill(directory);
  const md5 = createHash('md5');
  let [size, crc] = [0, 0];
  return {
    get size() {
      return size;
    },
    async write(chunk) {
      md5.update(chunk);
      crc = crc32c(chunk, crc);
      size += chunk.length;
      await spill.write(chunk);
    },
    async finish() {
      return { blob: await spill.finish(), size, md5Hash: md5.digest('base64'), crc32c: formatCrc32c(crc) };
    },
    discard: () => spill.discard(),
  };
}

/** As Cloud Storage writes it: base64 of the big-endian value. */
function formatCrc32c(crc: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc);
  return bytes.toString('base64');
}

function createSpill(directory: string | null) {
  const id = randomUUID();
  let chunks: Buffer[] = [];
  let held = 0;
  let file: FileHandle | null = null;
  async function spill(): Promise<void> {
    if (directory === null) return;
    file ??= await open(join(directory, id), 'wx');
    await file.writeFile(Buffer.concat(chunks));
    [chunks, held] = [[], 0];
  }
  return {
    async write(chunk: Buffer): Promise<void> {
      chunks.push(chunk);
      held += chunk.length;
      if (held > MAX_INLINE_BYTES) await spill();
    },
    async finish(): Promise<BlobRef> {
      if (file === null || directory === null) return { kind: 'memory', bytes: Buffer.concat(chunks) };
      if (held > 0) await spill();
      await file.close();
      return { kind: 'file', id };
    },
    async discard(): Promise<void> {
      await file?.close().catch(() => undefined);
      if (file !== null && directory !== null) await rm(join(directory, id), { force: true });
    },
  };
}

/**
 * Bytes `start` to `end` (exclusive) of a blob file. The file is opened before this returns, so that the generation
 * can be read to its end even if it is deleted meanwhile.
 */
export function openBlobFile(directory: string, id: string, start: number, end: number): Readable {
  const fd = openSync(join(directory, id), 'r');
  return createReadStream('', { fd, start, end: Math.max(start, end) - 1, autoClose: true, highWaterMark: 256 * 1024 });
}
