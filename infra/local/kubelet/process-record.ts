import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { killGroup } from './process.ts';

const SUFFIX = '.pid.json';

/** Records a container's process, so that a later kubelet can end it if this one is killed. */
export function recordProcess(folder: string, container: string, pid: number): void {
  writeFileSync(join(folder, `${container}${SUFFIX}`), JSON.stringify({ pid, start: startOf(pid) }));
}

/**
 * When the process started, as the system counts: it distinguishes a process from a later one with the same id. `null` when there is no such process
 * or the system does not report it.
 */
function startOf(pid: number): string | null {
  try {
    if (process.platform === 'linux') {
      // The second field, the program's name in brackets, may hold spaces; the start is the 22nd.
      return (
        readFileSync(`/proc/${pid}/stat`, 'utf8')
          .replace(/^.*\) /s, '')
          .split(' ')[19] ?? null
      );
    }
    if (process.platform === 'win32') return null;
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8', timeout: 5000 }).trim() || null;
  } catch {
    return null;
  }
}

/** Ends what is left of an earlier kubelet's processes of one pod. Returns whether the pod had ever been started. */
export function endRecordedProcesses(folder: string): boolean {
  const records = readNames(folder).filter((name) => name.endsWith(SUFFIX));
  for (const name of records) {
    const record = parseRecord(readFileSync(join(folder, name), 'utf8'));
    // Without a start time, the id may belong to another process by now.
    if (record !== null && record.start !== null && startOf(record.pid) === record.start)
      killGroup(record.pid, 'SIGKILL');
  }
  return records.length > 0;
}

function readNames(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function parseRecord(text: string): { pid: number; start: string | null } | null {
  try {
    const value: unknown = JSON.parse(text);
    const [pid, start]: unknown[] =
      typeof value === 'object' && value !== null ? [Reflect.get(value, 'pid'), Reflect.get(value, 'start')] : [];
    return typeof pid === 'number' ? { pid, start: typeof start === 'string' ? start : null } : null;
  } catch {
    return null;
  }
}
