import type { FileHandle } from 'node:fs/promises';
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { lockFolder } from '../folder-lock.ts';
import type { Journal } from './journal.ts';
import { buildRecord, createJournal } from './journal.ts';
import { readJournal } from './journal-reader.ts';
import type { ObjectRecord } from './records.ts';
import type { Entry, State } from './state.ts';
import { applyEntry, createState, entriesOf } from './state.ts';

/** A data folder: `journal` and, for large contents, `blobs/<id>`. One process at a time may have it open. */
export interface DataFolder {
  readonly state: State;
  readonly journal: Journal;
  readonly blobDirectory: string;
  close(): Promise<void>;
}

// A journal below this size is not worth rewriting.
const MIN_COMPACTION_BYTES = 4 * 1024 * 1024;
const ENTRY_BYTES = 700;

/** An entry as a journal record; small contents (in memory) become the record's body. */
export function serializeEntry(entry: Entry): { json: string; body?: Buffer } {
  if (entry.kind !== 'object' || entry.object.blob.kind !== 'memory') return { json: JSON.stringify(entry) };
  const { bytes } = entry.object.blob;
  const object = { ...entry.object, blob: { kind: 'journal', offset: 0, length: bytes.length } };
  return { json: JSON.stringify({ ...entry, object }), body: bytes };
}

/** Journals `entry`. Returns it with small contents in the journal instead of in memory. */
export function journalEntry(journal: Journal, entry: Entry): Entry {
  const { json, body } = serializeEntry(entry);
  const offset = journal.append(json, body);
  return placeBody(entry, offset, body?.length ?? 0);
}

/** `entry` with its object's bytes at `offset` of the journal, if they are there. */
function placeBody(entry: Entry, offset: number, length: number): Entry {
  if (entry.kind !== 'object' || length === 0) return entry;
  return { ...entry, object: { ...entry.object, blob: { kind: 'journal', offset, length } } };
}

/** Opens (or makes) a data folder: replays its journal, drops a torn tail, and rewrites it when most of it is stale. */
export async function openDataFolder(directory: string): Promise<DataFolder> {
  const blobDirectory = join(directory, 'blobs');
  await mkdir(blobDirectory, { recursive: true });
  const unlock = lockFolder(directory);
  try {
    const { state, journal } = await openJournal(directory, blobDirectory);
    async function close(): Promise<void> {
      await journal.close();
      unlock();
    }
    return { state, journal, blobDirectory, close };
  } catch (error) {
    unlock();
    throw error;
  }
}

async function openJournal(directory: string, blobDirectory: string): Promise<Pick<DataFolder, 'state' | 'journal'>> {
  const path = join(directory, 'journal');
  // `a+` ignores positions on Linux; `r+` requires the file to exist.
  await (await open(path, 'a')).close();
  let file = await open(path, 'r+');
  let { state, end } = await load(file);
  if (end > MIN_COMPACTION_BYTES && liveBytes(state) < end / 2) {
    await rewrite(path, state, createJournal(file, end));
    await file.close();
    file = await open(path, 'r+');
    ({ state, end } = await load(file));
  }
  await removeOrphans(blobDirectory, state);
  return { state, journal: createJournal(file, end) };
}

async function load(file: FileHandle): Promise<{ state: State; end: number }> {
  const state = createState();
  let end = 0;
  const { size } = await file.stat();
  for await (const record of readJournal(file, size)) {
    // The checksum has shown that this is what serializeEntry wrote.
    const entry = JSON.parse(record.json) as Entry;
    applyEntry(state, placeBody(entry, record.bodyOffset, record.bodyLength));
    end = record.end;
  }
  if (end < size) await file.truncate(end);
  return { state, end };
}

function liveBytes(state: State): number {
  function inline(object: ObjectRecord): number {
    return object.blob.kind === 'journal' ? object.blob.length : 0;
  }
  let bytes = state.events.size * ENTRY_BYTES;
  for (const { objects } of state.buckets.values()) {
    for (const object of objects.values()) bytes += ENTRY_BYTES + inline(object);
  }
  return bytes;
}

async function rewrite(path: string, state: State, journal: Journal): Promise<void> {
  const file = await open(`${path}.new`, 'w');
  for (const entry of entriesOf(state)) {
    const { json, body } = serializeEntry(await withBytes(entry, journal));
    await file.writeFile(Buffer.concat(buildRecord(json, body).parts));
  }
  await file.sync();
  await file.close();
  await rename(`${path}.new`, path);
}

async function withBytes(entry: Entry, journal: Journal): Promise<Entry> {
  if (entry.kind !== 'object' || entry.object.blob.kind !== 'journal') return entry;
  const { offset, length } = entry.object.blob;
  return { ...entry, object: { ...entry.object, blob: { kind: 'memory', bytes: await journal.read(offset, length) } } };
}

async function removeOrphans(directory: string, state: State): Promise<void> {
  for (const id of await readdir(directory)) {
    if ((state.files.get(id) ?? 0) <= 0) await rm(join(directory, id), { force: true });
  }
}
