import { promisify } from 'node:util';
import { crc32, inflateRaw } from 'node:zlib';
import { Fault, quote } from './fault.ts';

/** What the central directory says of one file. */
interface ZipEntry {
  readonly method: number;
  readonly flags: number;
  readonly crc: number;
  readonly compressedSize: number;
  readonly size: number;
  readonly headerOffset: number;
}

export interface ZipArchive {
  /** The files' names; directories are left out. */
  readonly names: readonly string[];
  /** A file's bytes (a view of the archive if it is stored). Throws Fault if it is corrupt, or larger than `maxBytes`. */
  readonly read: (name: string, maxBytes: number) => Promise<Uint8Array>;
}

const END_BYTES = 22;
const MAX_COMMENT_BYTES = 65_535;
const END_SIGNATURE = 0x06054b50;
const ENTRY_SIGNATURE = 0x02014b50;
const HEADER_SIGNATURE = 0x04034b50;
const MAX_FILES = 10_000;
/** Deflate makes at most 258 bytes of two bits; more than that is not what the data can be. */
const MAX_DEFLATE_RATIO = 1032;

const inflate = promisify(
  (bytes: Uint8Array, size: number, done: (error: Error | null, result: Uint8Array) => void): void => {
    // One chunk larger than the result: no copy is made of it. One byte more than it says is enough to know that it lies.
    inflateRaw(bytes, { chunkSize: size + 64, maxOutputLength: size + 1 }, done);
  },
);

/**
 * Opens a zip held in memory (PKWARE APPNOTE 6.3): stored and deflated files, with or without data descriptors, since
 * sizes are read from the central directory. Nothing is ever written to disk. Throws Fault if it is no whole zip.
 */
export function openZip(bytes: Uint8Array): ZipArchive {
  const zip = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (zip.length < END_BYTES) throw new Fault('it is not a whole zip file (its end is missing)');
  const entries = readDirectory(zip);
  async function read(name: string, maxBytes: number): Promise<Uint8Array> {
    const entry = entries.get(name);
    if (entry === undefined) throw new Fault('it is not in the zip');
    return readEntry(zip, entry, maxBytes);
  }
  return { names: [...entries.keys()].filter((name) => !name.endsWith('/')), read };
}

function readDirectory(zip: Buffer): Map<string, ZipEntry> {
  const end = findEnd(zip);
  const count = zip.readUInt16LE(end + 10);
  const offset = zip.readUInt32LE(end + 16);
  if (count === 0xffff || offset === 0xffff_ffff) throw new Fault('it is a zip64 file, which is not read here');
  if (zip.readUInt16LE(end + 4) !== 0 || zip.readUInt16LE(end + 8) !== count) {
    throw new Fault('it is one part of a zip of several files');
  }
  if (count > MAX_FILES) throw new Fault(`it holds ${count} files, more than ${MAX_FILES}`);
  const entries = new Map<string, ZipEntry>();
  for (let at = offset, left = count; left > 0; left -= 1) {
    const [name, entry, next] = parseEntryAt(zip, at);
    if (entries.has(name)) throw new Fault(`it holds ${quote(name)} twice`);
    entries.set(name, entry);
    at = next;
  }
  return entries;
}

function findEnd(zip: Buffer): number {
  const first = Math.max(0, zip.length - END_BYTES - MAX_COMMENT_BYTES);
  for (let at = zip.length - END_BYTES; at >= first; at -= 1) {
    if (zip.readUInt32LE(at) === END_SIGNATURE && at + END_BYTES + zip.readUInt16LE(at + 20) <= zip.length) return at;
  }
  throw new Fault('it is not a whole zip file (its end is missing)');
}

function parseEntryAt(zip: Buffer, at: number): [string, ZipEntry, number] {
  if (at + 46 > zip.length || zip.readUInt32LE(at) !== ENTRY_SIGNATURE) throw new Fault('its directory is corrupt');
  const nameEnd = at + 46 + zip.readUInt16LE(at + 28);
  const next = nameEnd + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
  if (next > zip.length) throw new Fault('its directory is corrupt');
  const entry: ZipEntry = {
    flags: zip.readUInt16LE(at + 8),
    method: zip.readUInt16LE(at + 10),
    crc: zip.readUInt32LE(at + 16),
    compressedSize: zip.readUInt32LE(at + 20),
    size: zip.readUInt32LE(at + 24),
    headerOffset: zip.readUInt32LE(at + 42),
  };
  return [zip.toString('utf8', at + 46, nameEnd), entry, next];
}

async function readEntry(zip: Buffer, entry: ZipEntry, maxBytes: number): Promise<Uint8Array> {
  refuseOdd(entry, maxBytes);
  const header = entry.headerOffset;
  if (header + 30 > zip.length || zip.readUInt32LE(header) !== HEADER_SIGNATURE)
    throw new Fault('its header is corrupt');
  const start = header + 30 + zip.readUInt16LE(header + 26) + zip.readUInt16LE(header + 28);
  if (start + entry.compressedSize > zip.length) throw new Fault('it lies outside of the zip');
  const raw = zip.subarray(start, start + entry.compressedSize);
  const bytes = entry.method === 0 ? raw : await inflateExactly(raw, entry.size);
  if (bytes.length !== entry.size) throw new Fault(`it holds ${bytes.length} bytes, the zip says ${entry.size}`);
  if (crc32(bytes) !== entry.crc) throw new Fault('it is corrupt: its crc32 does not match');
  return bytes;
}

function refuseOdd({ flags, method, size, compressedSize }: ZipEntry, maxBytes: number): void {
  if ((flags & 1) === 1) throw new Fault('it is encrypted');
  if (size === 0xffff_ffff || compressedSize === 0xffff_ffff) throw new Fault('it is of zip64, which is not read here');
  if (method !== 0 && method !== 8)
    throw new Fault(`it is compressed by method ${method}; 0 (stored) and 8 (deflate) are read`);
  if (size > maxBytes) throw new Fault(`it holds ${size} bytes, more than the ${maxBytes} that are read`);
  const possible = method === 0 ? compressedSize : compressedSize * MAX_DEFLATE_RATIO;
  if (size > possible) throw new Fault(`it says that its ${compressedSize} bytes stand for ${size}, which cannot be`);
}

async function inflateExactly(raw: Uint8Array, size: number): Promise<Uint8Array> {
  try {
    return await inflate(raw, size);
  } catch (error) {
    const tooLarge = error instanceof RangeError;
    const reason = tooLarge
      ? `it holds more than the ${size} bytes that the zip says`
      : 'its compressed data is corrupt';
    throw new Fault(reason, { cause: error });
  }
}
