import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** The folders this process has: its own id in a lock file may also be that of a dead process with the same number. */
const held = new Set<string>();

/**
 * Keeps other servers off a folder: two of them would each overwrite what the other has acknowledged. A lock whose
 * process is dead counts for nothing. Returns what gives the folder free again. Throws when it is taken.
 */
export function lockFolder(folder: string): () => void {
  const path = join(resolve(folder), 'pid');
  const holder = readHolder(path);
  if (held.has(path) || (holder !== undefined && holder !== process.pid && isAlive(holder))) {
    const pid = holder ?? process.pid;
    throw new Error(`${folder} is in use by process ${pid}; if that is another program, remove ${path}`);
  }
  writeFileSync(path, `${process.pid}\n`);
  held.add(path);
  return () => {
    held.delete(path);
    rmSync(path, { force: true });
  };
}

function readHolder(path: string): number | undefined {
  try {
    const pid = Number(readFileSync(path, 'utf8').trim());
    return Number.isInteger(pid) && pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it is there, and somebody else's.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
