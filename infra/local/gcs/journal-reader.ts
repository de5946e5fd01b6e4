import type { FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';

export interface JournalRecord {
  readonly json: string;
  /** Offset of the body in the file. */
  readonly bodyOffset: number;
  readonly bodyLength: number;
  /** Offset of the next record. */
  readonly end: number;
}

const BLOCK_BYTES = 1 << 20;
const MAX_HEAD_BYTES = 64;

/**
 * Yields every whole record of a journal of `size` bytes. A truncated record at the end was never
 * acknowledged and is skipped. Throws if the checksum of a complete record does not match.
 */
export async function* readJournal(file: FileHandle, size: number): AsyncGenerator<JournalRecord, void, undefined> {
  const reader = createForwardReader(file, size);
  while (reader.position() < size) {
    const start = reader.position();
    const head = await reader.line();
    if (head === null) {
      if (size - start > MAX_HEAD_BYTES) throw damaged(start);
      return;
    }
    const fields = /^([0-9a-f]{8}) (\d+) (\d+)\n$/.exec(head);
    if (fields === null) throw damaged(start);
    const [jsonLength, bodyLength] = [Number(fields[2]), Number(fields[3])];
    const bodyOffset = reader.position() + jsonLength;
    const bytes = await reader.take(jsonLength + bodyLength + 1);
    if (bytes === null) return;
    const content = bytes.subarray(0, jsonLength + bodyLength);
    if (crc32(content) !== Number.parseInt(fields[1] ?? '', 16)) throw damaged(start);
    yield { json: content.toString('utf8', 0, jsonLength), bodyOffset, bodyLength, end: reader.position() };
  }
}

/** Reads a file forwards in blocks; `take` and `line` return null at a torn tail. */
function createForwardReader(file: FileHandle, size: number) {
  let block: Buffer = Buffer.alloc(0);
  let [at, position] = [0, 0];

  async function fill(length: number): Promise<boolean> {
    if (block.length - at >= length) return true;
    if (size - position < length) return false;
    const wanted = Math.min(size - position, Math.max(length, BLOCK_BYTES));
    block = Buffer.allocUnsafe(wanted);
    let read = 0;
    while (read < wanted) {
      const { bytesRead } = await file.read(block, read, wanted - read, position + read);
      if (bytesRead === 0) return false;
      read += bytesRead;
    }
    at = 0;
    return true;
  }
  function advance(length: number): Buffer {
    const bytes = block.subarray(at, at + length);
    at += length;
    position += length;
    return bytes;
  }

  return {
    position: () => position,
    take: async (length: number): Promise<Buffer | null> => ((await fill(length)) ? advance(length) : null),
    line: async (): Promise<string | null> => {
      if (!(await fill(Math.min(MAX_HEAD_BYTES, size - position)))) return null;
      const end = block.indexOf(0x0a, at);
      if (end < 0 || end - at > MAX_HEAD_BYTES) return null;
      return advance(end - at + 1).toString('latin1');
    },
  };
}

function damaged(position: number): Error {
  return new Error(`the journal is damaged at byte ${position}; remove the data folder to start afresh`);
}
