import { isFields } from '../json.ts';
import type { KubeObject } from '../types.ts';

/** One write: the object's new state, or `null` after its deletion. */
export interface JournalEntry {
  readonly resource: string;
  readonly key: string;
  readonly resourceVersion: number;
  readonly object: KubeObject | null;
}

export interface Recovered {
  readonly resourceVersion: number;
  readonly entries: readonly JournalEntry[];
}

const entriesPerLine = 500;

/** The text of a journal: a line with the version, then lines of entries, each of which is one transaction. */
export function writeRecords({ resourceVersion, entries }: Recovered): string {
  const lines = [JSON.stringify({ format: 1, resourceVersion })];
  for (let at = 0; at < entries.length; at += entriesPerLine) {
    lines.push(JSON.stringify({ entries: entries.slice(at, at + entriesPerLine) }));
  }
  return `${lines.join('\n')}\n`;
}

/**
 * The state in the journal. A truncated last line was never acknowledged and is dropped; any
 * other damage throws, naming the line.
 */
export function readRecords(text: string, path: string): Recovered {
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
}

function parseRecord(line: string, where: string): Recovered {
  const record = parseLine(line, where);
  if (!isFields(record)) throw new Error(`${where} is not a journal record`);
  const entries = Array.isArray(record['entries']) ? record['entries'].map((entry) => parseEntry(entry, where)) : [];
  const header = typeof record['resourceVersion'] === 'number' ? record['resourceVersion'] : 0;
  return { resourceVersion: Math.max(header, ...entries.map((entry) => entry.resourceVersion)), entries };
}

function parseLine(line: string, where: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new Error(`${where} is damaged: the local Kubernetes state cannot be read`, { cause });
  }
}

function parseEntry(entry: unknown, where: string): JournalEntry {
  if (!isEntry(entry)) throw new Error(`${where} holds an entry that this version does not know`);
  return entry;
}

function isEntry(entry: unknown): entry is JournalEntry {
  return (
    isFields(entry) &&
    typeof entry['resource'] === 'string' &&
    typeof entry['key'] === 'string' &&
    typeof entry['resourceVersion'] === 'number' &&
    (entry['object'] === null || isFields(entry['object']))
  );
}
