import { promisify } from 'node:util';
import { crc32, inflateRaw } from 'node:zlib';
import type { Entry, ZipFile } from 'yauzl';
import { fromBufferPromise, getFileNameLowLevel } from 'yauzl';
import { Fault, quote } from './fault.ts';

export interface ZipArchive {
  /** The names of the files; directories are left out. */
  readonly names: readonly string[];
  /** A file's bytes (a view of the archive if the file is stored). Throws Fault if it is corrupt, or larger than `maxBytes`. */
  readonly read: (name: string, maxBytes: number) => Promise<Uint8Array>;
}

const MAX_FILES = 10_000;
/** Deflate produces at most 258 bytes from two bits. */
const MAX_DEFLATE_RATIO = 1032;
const STORED = 0;
const DEFLATED = 8;

const inflate = promisify(
  (bytes: Uint8Array, size: number, done: (error: Error | null, result: Uint8Array) => void): void => {
    // One chunk larger than the result avoids a copy. One byte more than the declared size shows that the size is wrong.
    inflateRaw(bytes, { chunkSize: size + 64, maxOutputLength: size + 1 }, done);
  },
);

/**
 * Opens a zip held in memory: stored and deflated files, with or without data descriptors, because sizes are read from
 * the central directory. Nothing is written to disk. Throws Fault if the zip is not complete.
 */
export async function openZip(bytes: Uint8Array): Promise<ZipArchive> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const zip = await openArchive(buffer);
  const entries = await readDirectory(zip);
  async function read(name: string, maxBytes: number): Promise<Uint8Array> {
    const entry = entries.get(name);
    if (entry === undefined) throw new Fault('it is not in the zip');
    checkEntry(entry, maxBytes);
    return readEntry(zip, buffer, entry);
  }
  return { names: [...entries.keys()].filter((name) => !name.endsWith('/')), read };
}

async function openArchive(buffer: Buffer): Promise<ZipFile> {
  try {
    // With decoded names, yauzl would refuse a zip for one path that leads out of it. Nothing is extracted here.
    return await fromBufferPromise(buffer, { decodeStrings: false });
  } catch (error) {
    throw new Fault(`it is not a whole zip file: ${messageOf(error)}`, { cause: error });
  }
}

async function readDirectory(zip: ZipFile): Promise<Map<string, Entry>> {
  if (zip.entryCount > MAX_FILES) throw new Fault(`it holds ${zip.entryCount} files, more than ${MAX_FILES}`);
  const entries = new Map<string, Entry>();
  try {
    for await (const entry of zip.eachEntry()) {
      const name = getFileNameLowLevel(entry.generalPurposeBitFlag, entry.fileNameRaw, entry.extraFields, false);
      if (entries.has(name)) throw new Fault(`it holds ${quote(name)} twice`);
      entries.set(name, entry);
    }
  } catch (error) {
    if (error instanceof Fault) throw error;
    throw new Fault(`its directory is corrupt: ${messageOf(error)}`, { cause: error });
  }
  return entries;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function checkEntry(entry: Entry, maxBytes: number): void {
  const { compressionMethod: method, uncompressedSize: size, compressedSize } = entry;
  if (entry.isEncrypted()) throw new Fault('it is encrypted');
  if (method !== STORED && method !== DEFLATED) {
    throw new Fault(`it is compressed by method ${method}; 0 (stored) and 8 (deflate) are read`);
  }
  if (size > maxBytes) throw new Fault(`it holds ${size} bytes, more than the limit of ${maxBytes}`);
  const possible = method === STORED ? compressedSize : compressedSize * MAX_DEFLATE_RATIO;
  if (size > possible)
    throw new Fault(`it declares ${size} bytes, which ${compressedSize} compressed bytes cannot hold`);
}

async function readEntry(zip: ZipFile, buffer: Buffer, entry: Entry): Promise<Uint8Array> {
  const start = await findData(zip, entry);
  if (start + entry.compressedSize > buffer.length) throw new Fault('it lies outside of the zip');
  const raw = buffer.subarray(start, start + entry.compressedSize);
  const size = entry.uncompressedSize;
  const bytes = entry.compressionMethod === STORED ? raw : await inflateExactly(raw, size);
  if (bytes.length !== size) throw new Fault(`it holds ${bytes.length} bytes, the zip declares ${size}`);
  if (crc32(bytes) !== entry.crc32) throw new Fault('it is corrupt: its crc32 does not match');
  return bytes;
}

async function findData(zip: ZipFile, entry: Entry): Promise<number> {
  try {
    return (await zip.readLocalFileHeaderPromise(entry, { minimal: true })).fileDataStart;
  } catch (error) {
    throw new Fault(`its header is corrupt: ${messageOf(error)}`, { cause: error });
  }
}

async function inflateExactly(raw: Uint8Array, size: number): Promise<Uint8Array> {
  try {
    return await inflate(raw, size);
  } catch (error) {
    const tooLarge = error instanceof RangeError;
    const reason = tooLarge
      ? `it holds more than the ${size} bytes that the zip declares`
      : 'its compressed data is corrupt';
    throw new Fault(reason, { cause: error });
  }
}
