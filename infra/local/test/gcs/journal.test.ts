import { randomBytes } from 'node:crypto';
import { open, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildRecord, createJournal } from '../../gcs/journal.ts';
import { readJournal } from '../../gcs/journal-reader.ts';
import { startGcs } from '../../gcs/server.ts';
import { at, makeFolder, startApi } from './api.ts';

async function readAll(path: string): Promise<string[]> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const seen: string[] = [];
    for await (const { json, bodyOffset, bodyLength } of readJournal(file, size)) {
      const body = Buffer.alloc(bodyLength);
      await file.read(body, 0, bodyLength, bodyOffset);
      seen.push(`${json} ${body.toString('latin1')}`);
    }
    return seen;
  } finally {
    await file.close();
  }
}

const aRecord = fc.record({
  json: fc.string({ maxLength: 40, unit: 'grapheme' }).map((text) => JSON.stringify({ text })),
  body: fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes)),
});

describe('journal', () => {
  test('cut off anywhere, it gives the records before the cut', async () => {
    const path = join(makeFolder(), 'journal');
    const property = fc.asyncProperty(fc.array(aRecord, { maxLength: 6 }), fc.nat(), async (records, at32) => {
      const parts = records.map(({ json, body }) => Buffer.concat(buildRecord(json, body).parts));
      const bytes = Buffer.concat(parts);
      const cut = at32 % (bytes.length + 1);
      await writeFile(path, bytes.subarray(0, cut));
      let [whole, end] = [0, 0];
      for (const part of parts) if ((end += part.length) <= cut) whole += 1;
      const wanted = records.slice(0, whole).map(({ json, body }) => `${json} ${body.toString('latin1')}`);
      expect(await readAll(path)).toEqual(wanted);
    });
    await fc.assert(property, { numRuns: 200 });
  });

  test('larger than any buffer, it is read in full', async () => {
    const path = join(makeFolder(), 'journal');
    const bodies = Array.from({ length: 60 }, (_, index) => randomBytes(index * 1500));
    await writeFile(path, Buffer.concat(bodies.flatMap((body) => buildRecord('{}', body).parts)));
    expect(await readAll(path)).toEqual(bodies.map((body) => `{} ${body.toString('latin1')}`));
  });

  test('a changed record is distinguished from a truncated one', async () => {
    const path = join(makeFolder(), 'journal');
    const bytes = Buffer.concat(buildRecord('{"a":1}', Buffer.from('body')).parts);
    bytes[bytes.length - 3] = 0;
    await writeFile(path, bytes);
    await expect(readAll(path)).rejects.toThrow('damaged at byte 0');
  });

  test('what is appended at once is written in order, and can be read at the place it was given', async () => {
    const path = join(makeFolder(), 'journal');
    const file = await open(path, 'w+');
    const journal = createJournal(file, 0);
    const offsets = ['one', 'two', 'three'].map((text) => journal.append('{}', Buffer.from(text)));
    expect((await journal.read(offsets[1] ?? 0, 3)).toString()).toBe('two');
    await journal.flushed();
    await journal.close();
    expect(await readAll(path)).toEqual(['{} one', '{} two', '{} three']);
  });

  test('a write that fails fails all that follow', async () => {
    const file = await open(join(makeFolder(), 'journal'), 'w+');
    const journal = createJournal(file, 0);
    await file.close();
    journal.append('{}');
    await expect(journal.flushed()).rejects.toThrow('cannot be written');
    await expect(journal.flushed()).rejects.toThrow('cannot be written');
  });
});

describe('a data folder', () => {
  const large = 'large'.repeat(50_000);

  test('keeps buckets, objects, metadata and the order of generations', async () => {
    const dataDir = makeFolder();
    const first = await startApi({ dataDir, now: () => new Date(5_000) });
    await first.send('POST', '/storage/v1/b', '{"name":"made"}');
    await first.put('small', 'text');
    await first.put('large', large);
    await first.put('gone', large);
    await first.send('PATCH', at('small'), '{"metadata":{"k":"v"}}');
    await first.send('POST', `${at('large')}/rewriteTo/b/made/o/copy`, '{}');
    await first.send('DELETE', at('gone'));
    await first.send('DELETE', at('large'));
    await first.close();
    // The clock went back.
    const second = await startApi({ dataDir, now: () => new Date(0) });
    expect((await second.send('GET', at('small'))).json).toMatchObject({ metadata: { k: 'v' }, metageneration: '2' });
    expect((await second.send('GET', `${at('small')}?alt=media`)).text).toBe('text');
    expect((await second.send('GET', '/storage/v1/b/made/o/copy?alt=media')).text).toBe(large);
    expect((await second.send('GET', at('gone'))).status).toBe(404);
    expect(Number(await second.put('new', ''))).toBe(5_000_004);
    expect(await readdir(join(dataDir, 'blobs'))).toHaveLength(1);
  });

  test('is rewritten at the start when most of it is stale', async () => {
    const dataDir = makeFolder();
    const path = join(dataDir, 'journal');
    const first = await startApi({ dataDir });
    for (let round = 0; round < 120; round += 1) await first.put('again', `${round}`.padEnd(50_000));
    await first.put('other', 'kept');
    await first.close();
    const before = (await stat(path)).size;
    const second = await startApi({ dataDir });
    expect((await stat(path)).size).toBeLessThan(before / 20);
    expect((await second.send('GET', `${at('again')}?alt=media`)).text.trim()).toBe('119');
    expect((await second.send('GET', `${at('other')}?alt=media`)).text).toBe('kept');
    await second.put('third', 'time');
    await second.close();
    const third = await startApi({ dataDir });
    expect((await third.send('GET', `${at('third')}?alt=media`)).text).toBe('time');
  });

  test('drops a torn tail and goes on after it', async () => {
    const dataDir = makeFolder();
    const path = join(dataDir, 'journal');
    const first = await startApi({ dataDir });
    await first.put('a', '1');
    await first.put('b', '2');
    await first.close();
    const bytes = await readFile(path);
    await writeFile(path, bytes.subarray(0, bytes.length - 5));
    const second = await startApi({ dataDir });
    expect((await second.send('GET', at('b'))).status).toBe(404);
    await second.put('c', '3');
    await second.close();
    const third = await startApi({ dataDir });
    expect((await third.send('GET', '/storage/v1/b/bkt/o?fields=items/name')).json).toEqual({
      items: [{ name: 'a' }, { name: 'c' }],
    });
  });

  test('in use by a process that lives is refused', async () => {
    const dataDir = makeFolder();
    await writeFile(join(dataDir, 'pid'), String(process.ppid));
    await expect(startGcs({ dataDir })).rejects.toThrow(`in use by process ${process.ppid}`);
  });
});
