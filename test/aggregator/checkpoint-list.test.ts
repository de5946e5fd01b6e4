import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readCheckpointList } from '../../src/aggregator/checkpoint-list.ts';

async function* chunksOf(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const listOf = async (text: string | Uint8Array, name = 'list.txt', size = 7): Promise<[string, number][]> => {
  const lines: [string, number][] = [];
  for await (const { path, line } of readCheckpointList(chunksOf(Buffer.from(text), size), name))
    lines.push([path, line]);
  return lines;
};

describe('a checkpoint list', () => {
  test('gives each line’s path and number, whatever ends the lines, without blank ones', async () => {
    const expected = [
      ['gs://b/one.zip', 1],
      ['two/drei/vier', 3],
      ['/five', 4],
    ];
    expect(await listOf('gs://b/one.zip\n\ntwo/drei/vier\n/five')).toEqual(expected);
    expect(await listOf('\ufeffgs://b/one.zip\r\n  \r\ntwo/drei/vier\r\n/five\r\n')).toEqual(expected);
  });

  test('is read the same in chunks of any size', async () => {
    const text = '\ufeffgs://bücket/ä.zip\r\nüber/straße\n';
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 60 }), async (size) => {
        expect(await listOf(text, 'list.txt', size)).toEqual([
          ['gs://bücket/ä.zip', 1],
          ['über/straße', 2],
        ]);
      }),
    );
  });

  test('of a csv may quote its column', async () => {
    expect(await listOf('"gs://b/a,b ""c"".zip"\ngs://b/d.zip', 'list.csv')).toEqual([
      ['gs://b/a,b "c".zip', 1],
      ['gs://b/d.zip', 2],
    ]);
  });

  test('of a txt may have commas and tabs in a path', async () => {
    expect(await listOf('/a,b\tc')).toEqual([['/a,b\tc', 1]]);
  });

  test('without a line gives nothing', async () => {
    expect(await listOf('')).toEqual([]);
    expect(await listOf('\ufeff\r\n\n')).toEqual([]);
  });

  test.each([
    ['two columns in a csv', 'a\nb,c', 'list.csv', 'line 2: it has more than one column'],
    ['two columns in a tsv', 'a\tb', 'list.tsv', 'line 1: it has more than one column'],
    ['another scheme', 'a\n\nhttps://b/c.zip', 'list.txt', 'line 3: it is neither a gs:// path nor a local one'],
    ['no object name', 'gs://bucket/', 'list.txt', 'line 1: it is not of the form gs://BUCKET/NAME'],
    ['an endless line', 'x'.repeat(9000), 'list.txt', 'a line is longer than 8192 characters'],
    ['a zero byte', 'a\0b', 'list.txt', 'line 1: it contains a zero byte'],
  ])('with %s is refused', async (_, text, name, reason) => {
    await expect(listOf(text, name)).rejects.toThrow(reason);
  });

  test('that is not UTF-8 is refused', async () => {
    await expect(listOf(Buffer.from('gs://b/\xe4.zip', 'latin1'))).rejects.toThrow('it is not UTF-8');
  });
});
