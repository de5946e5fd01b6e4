import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { isFields } from '../json.ts';
import type { KubeObject } from '../types.ts';

/** One write: the object as it is from then on, or `null` when it is gone. */
export interface JournalEntry {
  readonly resource: string;
  readonly key: string;
  readonly resourceVersion: number;
  readonly object: KubeObject | null;
}

export interface Journal {
  /** Returns once the entries are with the operating system: they outlive kill -9. All of them do, or none. */
  append(entries: readonly JournalEntry[]): void;
  close(): void;
}

export interface Recovered {
  readonly resourceVersion: number;
  readonly entries: readonly JournalEntry[];
}

const fileName = 'kubernetes.journal';
const recordsPerLine = 500;

/**
 * Reads what an earlier process wrote into `folder`, and opens the journal anew, holding only what is still there.
 * A last line that was cut short by a crash was never acknowledged and is dropped; any other damage throws.
 */
export const openJournal = (folder: string): { readonly journal: Journal; readonly recovered: Recovered } => {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, fileName);
  const recovered = existsSync(path) ? recover(readFileSync(path, 'utf8'), path) : { resourceVersion: 0, entries: [] };
  const compacted = `${path}.new`;
  const descriptor = openSync(compacted, 'w', 0o600);
  writeAll(descriptor, snapshot(recovered));
  fsyncSync(descriptor);
  renameSync(compacted, path);
  return {
    recovered,
    journal: {
      append: (entries) => writeAll(descriptor, `${JSON.stringify({ entries })}\n`),
      close: () => closeSync(descriptor),
    },
  };
};

const writeAll = (descriptor: number, text: string): void => {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length;) at += writeSync(descriptor, bytes, at);
};

const snapshot = ({ resourceVersion, entries }: Recovered): string => {
  const lines = [JSON.stringify({ format: 1, resourceVersion })];
  for (let at = 0; at < entries.length; at += recordsPerLine) {
    lines.push(JSON.stringify({ entries: entries.slice(at, at + recordsPerLine) }));
  }
  return `${lines.join('\n')}\n`;
};

const recover = (text: string, path: string): Recovered => {
  const complete = text.slice(0, text.lastIndexOf('\n') + 1);
  const live = new Map<string, JournalEntry>();
  let resourceVersion = 0;
  for (const [index, line] of complete.split('\n').entries()) {
    if (line === '') continue;
    const record = parseRecord(line, `${path}:${index + 1}`);
    resourceVersion = Math.max(resourceVersion, record.resourceVersion);
    for (const entry of record.entries) {
      const id = `${entry.resource}\n${entry.key}`;
      if (entry.object === null) live.delete(id);
      else live.set(id, entry);
    }
  }
  return { resourceVersion, entries: [...live.values()] };
};

const parseRecord = (line: string, where: string): Recovered => {
  const record = parseLine(line, where);
  if (!isFields(record)) throw new Error(`${where} is not a journal record`);
  const entries = Array.isArray(record['entries']) ? record['entries'].map((entry) => parseEntry(entry, where)) : [];
  const versions = entries.map((entry) => entry.resourceVersion);
  const header = typeof record['resourceVersion'] === 'number' ? record['resourceVersion'] : 0;
  return { resourceVersion: Math.max(header, ...versions), entries };
};

const parseLine = (line: string, where: string): unknown => {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new Error(`${where} is damaged: the local Kubernetes state cannot be read`, { cause });
  }
};

const parseEntry = (entry: unknown, where: string): JournalEntry => {
  if (!isEntry(entry)) throw new Error(`${where} holds an entry that this version does not know`);
  return entry;
};

const isEntry = (entry: unknown): entry is JournalEntry =>
  isFields(entry) &&
  typeof entry['resource'] === 'string' &&
  typeof entry['key'] === 'string' &&
  typeof entry['resourceVersion'] === 'number' &&
  (entry['object'] === null || isFields(entry['object']));
