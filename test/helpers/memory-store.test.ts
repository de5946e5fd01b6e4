import { describe, expect, test } from 'vitest';
import { UpstreamError } from '../../src/errors.ts';
import { crc32c } from './crc32c.ts';
import { createMemoryStore } from './memory-store.ts';
import { compareUtf8 } from './utf8-order.ts';

const at = (name: string) => ({ bucket: 'b', name });
const store = () => createMemoryStore({ now: () => new Date('2026-01-02T03:04:05.678Z') });

describe('memory store', () => {
  test('the check value of CRC-32C is that of the RFC', () => {
    expect(Buffer.from(crc32c(Buffer.from('123456789')), 'base64').readUInt32BE()).toBe(0xe3069283);
  });

  test('a write needs the generation that is there, 0 for none', async () => {
    const memory = store();
    const first = await memory.write(at('a'), 'one', { ifGenerationMatch: '0' });
    expect(first).toMatchObject({ generation: '1', size: 3, timeCreated: '2026-01-02T03:04:05.678Z' });
    expect(await memory.write(at('a'), 'two', { ifGenerationMatch: '0' })).toBe('conflict');
    expect(await memory.write(at('a'), 'two', { ifGenerationMatch: '1' })).toMatchObject({ generation: '2' });
    expect(await memory.write(at('b'), 'two', { ifGenerationMatch: '1' })).toBe('conflict');
    expect(await memory.read(at('a'), { ifGenerationNotMatch: '2' })).toBe('unchanged');
    expect(await memory.read(at('a'), { ifGenerationNotMatch: '1' })).toMatchObject({ text: 'two' });
    expect(await memory.read(at('c'), { ifGenerationNotMatch: '1' })).toBeNull();
  });

  test('lists in UTF-8 order, in pages, between offsets', async () => {
    const memory = store();
    const names = ['p/\u{1F600}', 'p/\uFF21', 'p/a', 'p/a/b', 'q/x', 'p/B'];
    for (const name of names) memory.put(at(name), '');
    const sorted = names.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    expect(names.toSorted(compareUtf8)).toEqual(sorted);
    const seen: string[] = [];
    let pageToken: string | undefined;
    do {
      const page = await memory.list({ bucket: 'b', maxResults: 2, ...(pageToken !== undefined && { pageToken }) });
      seen.push(...page.objects.map(({ name }) => name));
      pageToken = page.nextPageToken;
    } while (pageToken !== undefined);
    expect(seen).toEqual(sorted);
    const range = await memory.list({ bucket: 'b', prefix: 'p/', startOffset: 'p/a', endOffset: 'p/\uFF21' });
    expect(range.objects.map(({ name }) => name)).toEqual(['p/a', 'p/a/b']);
  });

  test('folds names below the delimiter into prefixes, page by page', async () => {
    const memory = store();
    for (const name of ['t/1/a', 't/1/b', 't/2/a', 't/3', 't/4/a']) memory.put(at(name), 'x');
    const first = await memory.list({ bucket: 'b', prefix: 't/', delimiter: '/', maxResults: 2 });
    expect(first.prefixes).toEqual(['t/1/', 't/2/']);
    const token = first.nextPageToken ?? '';
    const second = await memory.list({ bucket: 'b', prefix: 't/', delimiter: '/', maxResults: 2, pageToken: token });
    expect(second).toMatchObject({ prefixes: ['t/4/'], objects: [{ name: 't/3' }] });
    expect(second.nextPageToken).toBeUndefined();
  });

  test('refuses a name of more than 1024 bytes', async () => {
    await expect(store().write(at('é'.repeat(513)), '', { ifGenerationMatch: '0' })).rejects.toThrow(UpstreamError);
  });
});
