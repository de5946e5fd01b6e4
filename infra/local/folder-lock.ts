import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** The folders that this process holds: its own id in a lock file may also be that of a dead process with the same number. */
const held = new Set<string>();

/**
 * Locks a folder against other servers: two of them would overwrite each other's acknowledged writes. A lock whose
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
    // EPERM: the process exists and belongs to another user.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
