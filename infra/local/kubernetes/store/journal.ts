import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { lockFolder } from '../../folder-lock.ts';
import { readRecords, writeRecords } from './records.ts';
import type { JournalEntry, Recovered } from './records.ts';

export interface Journal {
  /** Returns once the operating system has the entries: all or none of them survive kill -9. */
  append(entries: readonly JournalEntry[]): void;
  close(): void;
}

export interface JournalOptions {
  /** The current state, to compact the journal when it has grown by `growthBytes`. */
  readonly snapshot: () => Recovered;
  readonly growthBytes?: number;
}

const fileName = 'kubernetes.journal';
const defaultGrowthBytes = 64 * 1024 * 1024;

/** Reads what an earlier process wrote. Throws if the journal is damaged except at its end. */
export function recoverFolder(folder: string): Recovered {
  const path = join(folder, fileName);
  return existsSync(path) ? readRecords(readFileSync(path, 'utf8'), path) : { resourceVersion: 0, entries: [] };
}

/**
 * Opens the journal of a folder and compacts it. Throws when another process has it,
 * or when the folder cannot be written.
 */
export function openJournal(folder: string, options: JournalOptions): Journal {
  mkdirSync(folder, { recursive: true });
  const unlock = lockFolder(folder);
  const path = join(folder, fileName);
  const growthBytes = options.growthBytes ?? defaultGrowthBytes;
  let descriptor = rewrite(path, options.snapshot());
  let grown = 0;

  function append(entries: readonly JournalEntry[]): void {
    grown += writeAll(descriptor, `${JSON.stringify({ entries })}\n`);
    if (grown < growthBytes) return;
    closeSync(descriptor);
    descriptor = rewrite(path, options.snapshot());
    grown = 0;
  }

  return {
    append,
    close: () => {
      closeSync(descriptor);
      unlock();
    },
  };
}

/** The new journal replaces the old one only when it is complete. */
function rewrite(path: string, recovered: Recovered): number {
  const descriptor = openSync(`${path}.new`, 'w', 0o600);
  writeAll(descriptor, writeRecords(recovered));
  fsyncSync(descriptor);
  renameSync(`${path}.new`, path);
  return descriptor;
}

function writeAll(descriptor: number, text: string): number {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length;) at += writeSync(descriptor, bytes, at);
  return bytes.length;
}
