import { createReadStream, createWriteStream } from 'node:fs';
import { access, constants, mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Fault } from './fault.ts';
import type { FileStore } from './file-store.ts';

/** Files on this machine. */
export const localFiles: FileStore = {
  read,
  stream: (path) => createReadStream(path),
  list,
  prepare,
  write,
  remove: (path) => rm(path, { force: true }),
};

async function read(path: string, maxBytes: number): Promise<Uint8Array> {
  const { size } = await stat(path);
  if (size > maxBytes) throw new Fault(`it holds ${size} bytes, more than the ${maxBytes} that are read`);
  return readFile(path);
}

async function list(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  return entries.filter((entry) => !entry.isDirectory()).map((entry) => entry.name);
}

async function prepare(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  await access(directory, constants.W_OK | constants.X_OK);
}

async function write(path: string, chunks: Iterable<Uint8Array>): Promise<void> {
  const partial = `${path}.partial`;
  try {
    await pipeline(Readable.from(chunks), createWriteStream(partial));
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}
