import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Fault } from '../../src/aggregator/fault.ts';
import { readCheckpoint } from '../../src/aggregator/checkpoint.ts';
import { fixture, float32, readCheckpointAt } from './harness.ts';
import { createBundleWriter } from '../../src/aggregator/tensor-bundle-writer.ts';
import { buildTable } from '../../src/aggregator/sstable-writer.ts';
import { readTable } from '../../src/aggregator/sstable-reader.ts';

/** A checkpoint in memory, its index's rows changed by `edit`. */
const readEdited = (edit: (rows: ReturnType<typeof readTable>) => ReturnType<typeof readTable>) => {
  const writer = createBundleWriter([float32('a', [1, 2]), float32('b', [3])]);
  const data = Buffer.concat([...writer.data()]);
  const index = buildTable(edit(readTable(writer.index())));
  return readCheckpoint({ index, shard: () => Promise.resolve(data) });
};

describe('a checkpoint that TensorFlow wrote', () => {
  test('of several data files and all kinds is read', async () => {
    const variables = await readCheckpointAt(fixture('checkpoints/mixed/update_0/checkpoint'));
    expect([...variables].map(([name, { dtype, shape }]) => `${name} ${dtype} [${shape.join(',')}]`)).toEqual([
      'bfloat16/empty bfloat16 [0,4]',
      'bfloat16/kernel bfloat16 [3,5]',
      'bfloat16/scalar bfloat16 []',
      'bfloat16/tiny bfloat16 [7]',
      'bool/flags bool [3]',
      'float16/empty float16 [0,4]',
      'float16/kernel float16 [3,5]',
      'float16/scalar float16 []',
      'float16/tiny float16 [7]',
      'float32/empty float32 [0,4]',
      'float32/kernel float32 [3,5]',
      'float32/scalar float32 []',
      'float32/tiny float32 [7]',
      'float64/empty float64 [0,4]',
      'float64/kernel float64 [3,5]',
      'float64/scalar float64 []',
      'float64/tiny float64 [7]',
      'int32/counts int32 [3]',
      'int64/global_step int64 []',
      'string/none string [0]',
      'string/scalar string []',
      'string/words string [4]',
      'uint8/pixels uint8 [5]',
    ]);
    expect(variables.get('float64/scalar')?.values).toHaveLength(1);
    expect(variables.get('int64/global_step')?.values).toBeNull();
  });

  test('is read from memory alone', async () => {
    const prefix = fixture('updates/directories/update_1/checkpoint');
    const asked: string[] = [];
    const variables = await readCheckpoint({
      index: await readFile(`${prefix}.index`),
      shard: (shard, shards) => {
        asked.push(`${shard} of ${shards}`);
        return readFile(`${prefix}.data-0000${shard}-of-0000${shards}`);
      },
    });
    expect(asked.toSorted()).toEqual(['0 of 2', '1 of 2']);
    expect(variables.get('conv1/kernel')?.shape).toEqual([3, 3, 1, 8]);
  });

  test('with a partitioned variable is refused by the variable’s name', async () => {
    await expect(readCheckpointAt(fixture('checkpoints/partitioned/checkpoint'))).rejects.toThrow(
      'its index: variable "embedding": it is partitioned into 2 slices, which are not averaged here',
    );
  });
});

describe('a checkpoint', () => {
  test('unedited is read', async () => {
    expect((await readEdited((rows) => rows)).get('a')?.values).toEqual(Float64Array.of(1, 2));
  });

  test.each<[string, Parameters<typeof readEdited>[0], string]>([
    ['without a header', (rows) => rows.slice(1), 'its index: it has no header'],
    [
      'of big-endian',
      ([, ...rows]) => [{ key: Buffer.of(), value: Uint8Array.of(8, 1, 16, 1) }, ...rows],
      'big-endian',
    ],
    [
      'with a data file that is none of its own',
      ([head = { key: Buffer.of(), value: Buffer.of() }, ...rows]) => [
        head,
        ...rows.map(({ key, value }) => ({ key, value: Buffer.concat([value, Uint8Array.of(24, 3)]) })),
      ],
      'variable "a": its data file 3 is not of 1',
    ],
    [
      'with a name that is not UTF-8',
      (rows) => [...rows, { key: Uint8Array.of(0x7a, 0xff), value: Uint8Array.of() }],
      'is not UTF-8',
    ],
    [
      'that is longer than its data',
      (rows) => rows.map(({ key, value }) => ({ key, value: Buffer.concat([value, Uint8Array.of(32, 100)]) })),
      'variable "a": its data file ends at byte 12, it would be at 100 to 108',
    ],
  ])('%s is refused', async (_, edit, reason) => {
    await expect(readEdited(edit)).rejects.toThrow(reason);
  });

  test('with any entry at all is read, or refused in words', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 40 }), fc.nat(40), fc.nat(255), async (random, at, byte) => {
        const damage = (value: Uint8Array): Uint8Array => value.with(Math.min(at, value.length - 1), byte);
        for (const edit of [damage, () => random]) {
          const ended: unknown = await readEdited((rows) =>
            rows.map(({ key, value }) => ({ key, value: edit(value) })),
          ).catch((error: unknown) => error);
          expect(ended instanceof Map || ended instanceof Fault).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });
});
