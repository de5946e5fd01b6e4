import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Fault } from '../../src/aggregator/fault.ts';
import { readTable } from '../../src/aggregator/sstable-reader.ts';
import { buildTable } from '../../src/aggregator/sstable-writer.ts';
import { endOf, fixture } from './harness.ts';

const entriesOf = (pairs: readonly (readonly [string, Uint8Array])[]) =>
  pairs.map(([key, value]) => ({ key: Buffer.from(key), value })).toSorted((a, b) => Buffer.compare(a.key, b.key));

const plain = (entries: readonly { key: Uint8Array; value: Uint8Array }[]) =>
  entries.map(({ key, value }) => [Buffer.from(key).toString('hex'), Buffer.from(value).toString('hex')]);

describe('a sorted table', () => {
  test('is read as it was written', () => {
    const pairs = fc.uniqueArray(fc.tuple(fc.string({ maxLength: 20 }), fc.uint8Array({ maxLength: 30 })), {
      selector: ([key]) => key,
      maxLength: 60,
    });
    fc.assert(
      fc.property(pairs, (given) => {
        const entries = entriesOf(given);
        expect(plain(readTable(buildTable(entries)))).toEqual(plain(entries));
      }),
    );
  });

  test('of several blocks is read whole', () => {
    const entries = entriesOf(Array.from({ length: 300 }, (_, at) => [`key/${at}`, new Uint8Array(4000).fill(at)]));
    const table = buildTable(entries);
    expect(table.length).toBeGreaterThan(4 * 262_144);
    expect(plain(readTable(table))).toEqual(plain(entries));
  });

  test('with a block compressed by snappy holds what the uncompressed one does', async () => {
    const compressed = readTable(await readFile(fixture('checkpoints/snappy/checkpoint.index')));
    expect(plain(compressed)).toEqual(
      plain(readTable(await readFile(fixture('checkpoints/many/update_0/checkpoint.index')))),
    );
  });

  test('with any one bit turned is refused, or reads the same', () => {
    const entries = entriesOf([
      ['', Uint8Array.of(1)],
      ['a/b', Uint8Array.of(2, 3)],
      ['a/c', Uint8Array.of(4)],
    ]);
    const table = buildTable(entries);
    for (let bit = 0; bit < table.length * 8; bit += 1) {
      const damaged = Uint8Array.from(table);
      damaged[bit >>> 3] = (damaged[bit >>> 3] ?? 0) ^ (1 << (bit & 7));
      const ended = endOf(() => plain(readTable(damaged)));
      // The footer's padding and the meta-index, which is not read, are all that may change unseen.
      expect(ended instanceof Fault ? plain(entries) : ended).toEqual(plain(entries));
    }
  });

  test('that is cut off anywhere is refused', () => {
    const table = buildTable(entriesOf([['name', new Uint8Array(50)]]));
    for (let length = 0; length < table.length; length += 1) {
      expect(() => readTable(table.subarray(0, length))).toThrow(/too short|does not end/);
    }
  });

  test('names the block that is corrupt', () => {
    const table = buildTable(entriesOf([['name', new Uint8Array(50)]]));
    table[10] = 0xff;
    expect(() => readTable(table)).toThrow('its block at byte 0: its crc32c does not match');
  });
});
