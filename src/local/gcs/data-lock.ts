import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
};

/**
 * Marks a data folder as in use by this process; returns what takes the mark away. Two processes that append to one
 * journal would destroy it. The mark of a process that is gone does not count.
 */
export const lockDataFolder = async (directory: string): Promise<() => Promise<void>> => {
  const path = join(directory, 'pid');
  const pid = Number(await readFile(path, 'utf8').catch(() => ''));
  if (pid > 0 && pid !== process.pid && isAlive(pid)) {
    throw new Error(`${directory} is in use by process ${pid}; if that is another program, remove ${path}`);
  }
  await writeFile(path, String(process.pid));
  return () => rm(path, { force: true });
};
