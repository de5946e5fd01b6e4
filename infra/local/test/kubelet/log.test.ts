import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createLogFile } from '../../kubelet/log-file.ts';
import type { LogFile } from '../../kubelet/log-file.ts';
import { readLog, readLogTail } from '../../kubelet/log-read.ts';
import type { LogOptions } from '../../kubelet/log-read.ts';
import { newFolder, newName } from './pod-world.ts';

async function read(path: string, options: LogOptions = {}, live: LogFile | null = null): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of readLog(path, options, live, new AbortController().signal)) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

function newLog(folder: string, nowMs = 0): LogFile {
  return createLogFile(join(folder, newName('log'), '0.log'), () => nowMs);
}

describe('a log file', () => {
  test('is in the CRI format', () => {
    const log = newLog(newFolder(), 1_234);
    log.write('stdout', Buffer.from('whole\nhal'));
    log.write('stderr', Buffer.from('other\n'));
    log.write('stdout', Buffer.from('f\nrest'));
    log.end();
    const time = '1970-01-01T00:00:01.234000000Z';
    expect(readFileSync(log.path, 'utf8')).toBe(
      `${time} stdout F whole\n${time} stderr F other\n${time} stdout F half\n${time} stdout P rest\n`,
    );
  });

  test('gives back what was written, however it was cut', async () => {
    const folder = newFolder();
    const chunk = fc.oneof(fc.string(), fc.constant('\n'), fc.constant('x'.repeat(20_000)));
    await fc.assert(
      fc.asyncProperty(fc.array(chunk, { maxLength: 8 }), async (chunks) => {
        const log = newLog(folder);
        for (const text of chunks) log.write('stdout', Buffer.from(text));
        log.end();
        expect(await read(log.path)).toBe(chunks.join(''));
      }),
      { numRuns: 50 },
    );
  });

  test('gives its last lines, as many as asked for', async () => {
    const folder = newFolder();
    await fc.assert(
      fc.asyncProperty(fc.nat(3000), fc.nat(3000), async (lines, tailLines) => {
        const log = newLog(folder);
        const all = Array.from({ length: lines }, (_, n) => `line ${n} ${'.'.repeat(n % 100)}\n`);
        log.write('stdout', Buffer.from(all.join('')));
        log.end();
        expect(await read(log.path, { tailLines })).toBe(all.slice(Math.max(0, lines - tailLines)).join(''));
      }),
      { numRuns: 20 },
    );
  });

  test('is followed while it is written', async () => {
    const log = newLog(newFolder());
    log.write('stdout', Buffer.from('before\n'));
    const reader = readLog(log.path, { follow: true }, log, new AbortController().signal);
    expect((await reader.next()).value?.toString()).toBe('before\n');
    const next = reader.next();
    log.write('stdout', Buffer.from('after\n'));
    expect((await next).value?.toString()).toBe('after\n');
    const end = reader.next();
    log.end();
    expect((await end).done).toBe(true);
  });

  test('is left by a follower who goes away', async () => {
    const log = newLog(newFolder());
    const gone = new AbortController();
    const next = readLog(log.path, { follow: true }, log, gone.signal).next();
    gone.abort();
    expect((await next).done).toBe(true);
    log.end();
  });

  test('shows what is not older than asked for, with its time', async () => {
    let nowMs = 1000;
    const log = createLogFile(join(newFolder(), 'l'), () => nowMs);
    log.write('stdout', Buffer.from('old\n'));
    nowMs = 2000;
    log.write('stdout', Buffer.from('new\n'));
    log.end();
    expect(await read(log.path, { sinceMs: 1500, timestamps: true })).toBe('1970-01-01T00:00:02.000000000Z new\n');
    expect(await read(log.path, { limitBytes: 5 })).toBe('old\nn');
  });

  test('ends in at most 80 lines and 2048 bytes as a termination message', async () => {
    const log = newLog(newFolder());
    log.write('stdout', Buffer.from(Array.from({ length: 100 }, (_, n) => `${n}\n`).join('')));
    log.end();
    expect((await readLogTail(log.path)).split('\n', 1)).toEqual(['20']);
    const wide = newLog(newFolder());
    wide.write('stdout', Buffer.from(`${'x'.repeat(5000)}\n`));
    wide.end();
    expect(await readLogTail(wide.path)).toHaveLength(2048);
  });
});
