import fc from 'fast-check';
import type { Zippable } from 'fflate';
import { Zip, ZipDeflate, ZipPassThrough, zipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { Fault } from '../../src/aggregator/fault.ts';
import { openZip } from '../../src/aggregator/zip-reader.ts';

const LIMIT = 2 ** 20;
const text = Buffer.from('all work and no play '.repeat(50));
const zipOf = (files: Zippable): Buffer => Buffer.from(zipSync(files));
const read = async (zip: Uint8Array, name = 'a.txt', limit = LIMIT): Promise<Uint8Array> =>
  (await openZip(zip)).read(name, limit);

/** A zip whose sizes and crc follow the data, as a writer makes that does not know them beforehand. */
const zipWithDescriptors = (name: string, bytes: Uint8Array, deflate: boolean): Buffer => {
  const chunks: Uint8Array[] = [];
  const zip = new Zip((_, chunk) => void chunks.push(chunk));
  const file = deflate ? new ZipDeflate(name) : new ZipPassThrough(name);
  zip.add(file);
  file.push(bytes, true);
  zip.end();
  return Buffer.concat(chunks);
};

const DIRECTORY = Buffer.from('PK\u0001\u0002');
/** Changes the 16-bit number at `field` of the first file's record in the directory. */
const withField = (zip: Buffer, field: number, value: number): Buffer => {
  zip.writeUInt16LE(value, zip.indexOf(DIRECTORY) + field);
  return zip;
};

describe('a zip', () => {
  test.each([0, 6] as const)('of level %s gives its files', async (level) => {
    const zip = zipOf({
      'a.txt': [text, { level }],
      dir: { 'b.txt': [Buffer.from('b'), { level }] },
      'empty/': new Uint8Array(),
    });
    expect((await openZip(zip)).names).toEqual(['a.txt', 'dir/b.txt']);
    expect(Buffer.from(await read(zip))).toEqual(text);
    expect(Buffer.from(await read(zip, 'dir/b.txt')).toString()).toBe('b');
  });

  test.each([true, false])('with data descriptors gives its files (deflated: %s)', async (deflate) => {
    expect(Buffer.from(await read(zipWithDescriptors('a.txt', text, deflate)))).toEqual(text);
  });

  test('with a comment at its end gives its files', async () => {
    const zip = Buffer.concat([zipOf({ 'a.txt': text }), Buffer.from('PK\u0005\u0006 a comment')]);
    zip.writeUInt16LE(14, zip.length - 14 - 2);
    expect(Buffer.from(await read(zip))).toEqual(text);
  });

  test('gives an empty file', async () => {
    expect(await read(zipOf({ 'a.txt': new Uint8Array() }))).toHaveLength(0);
  });

  test('gives any bytes back', async () => {
    const files = fc.dictionary(fc.stringMatching(/^[a-zäλ ]{1,9}$/), fc.uint8Array({ maxLength: 300 }));
    await fc.assert(
      fc.asyncProperty(files, async (given) => {
        const zip = await openZip(zipOf(given));
        for (const [name, bytes] of Object.entries(given)) {
          expect(Buffer.from(await zip.read(name, LIMIT))).toEqual(Buffer.from(bytes));
        }
      }),
    );
  });
});

describe('a zip is refused', () => {
  test('if it is none', async () => {
    await expect(openZip(Buffer.from('not a zip'))).rejects.toThrow('not a whole zip file');
    await expect(openZip(Buffer.alloc(1000))).rejects.toThrow('not a whole zip file');
  });

  test('if it is cut off anywhere', async () => {
    const zip = zipOf({ 'a.txt': Buffer.from('abc') });
    for (let length = 0; length < zip.length; length += 1) {
      await expect(openZip(zip.subarray(0, length))).rejects.toThrow(/whole zip|corrupt/);
    }
  });

  test('if it declares more files than are read', async () => {
    const zip = zipOf({ 'a.txt': text });
    zip.writeUInt16LE(0xffff, zip.length - 12);
    await expect(openZip(zip)).rejects.toThrow('it holds 65535 files, more than 10000');
  });

  test('if it is one of several parts', async () => {
    const zip = zipOf({ 'a.txt': text });
    zip.writeUInt16LE(1, zip.length - 18);
    await expect(openZip(zip)).rejects.toThrow('multi-disk zip files are not supported');
  });

  test('if it holds a name twice', async () => {
    const zip = zipOf({ 'a.txt': text, 'b.txt': text });
    zip.write('a.txt', zip.lastIndexOf('b.txt'));
    await expect(openZip(zip)).rejects.toThrow('it holds "a.txt" twice');
  });
});

describe('a file of a zip is refused', () => {
  test.each([
    ['is encrypted', 8, 1, 'it is encrypted'],
    ['is compressed otherwise', 10, 14, 'method 14'],
    ['has a wrong crc', 16, 0x1234, 'its crc32 does not match'],
    ['says a smaller size', 24, 7, 'holds more than the 7 bytes that the zip declares'],
    ['says a larger size', 24, 1051, 'holds 1050 bytes, the zip declares 1051'],
    ['says a size that deflate cannot reach', 26, 0x0f, 'compressed bytes cannot hold'],
    ['lies elsewhere', 42, 1, 'its header is corrupt'],
  ])('if it %s', async (_, field, value, reason) => {
    await expect(read(withField(zipOf({ 'a.txt': text }), field, value), 'a.txt', 2 ** 31)).rejects.toThrow(reason);
  });

  test('if its compressed data is corrupt', async () => {
    const zip = zipOf({ 'a.txt': text });
    zip.fill(0xff, 36, 46);
    await expect(read(zip)).rejects.toThrow('its compressed data is corrupt');
  });

  test('if it holds more than is read, before it is inflated: a bomb', async () => {
    const bomb = zipOf({ 'a.txt': [new Uint8Array(2 ** 22), { level: 9 }] });
    expect(bomb.length).toBeLessThan(2 ** 13);
    await expect(read(bomb)).rejects.toThrow(`it holds 4194304 bytes, more than the limit of ${LIMIT}`);
  });

  test('if it is not there', async () => {
    await expect(read(zipOf({ 'a.txt': text }), 'b.txt')).rejects.toThrow('it is not in the zip');
  });

  test('in words, whatever byte is damaged', async () => {
    const zip = zipOf({ 'a.txt': Buffer.from('abcabcabcabcabc') });
    for (let at = 0; at < zip.length; at += 1) {
      const damaged = Buffer.from(zip);
      damaged[at] = (damaged[at] ?? 0) ^ 0xff;
      const ended: unknown = await Promise.resolve()
        .then(() => read(damaged))
        .catch((error: unknown) => error);
      expect(
        ended instanceof Fault ||
          Buffer.from('abcabcabcabcabc').equals(ended instanceof Uint8Array ? ended : Buffer.of()),
      ).toBe(true);
    }
  });
});
