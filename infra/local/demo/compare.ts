import { readCheckpoint } from '../../../src/aggregator/checkpoint.ts';
import type { Client } from './client.ts';

/** One variable of an average, with the expected values. */
export interface Comparison {
  readonly name: string;
  readonly shape: readonly number[];
  readonly actual: readonly number[];
  readonly expected: readonly number[];
  /** The largest difference among the compared elements. */
  readonly largestError: number;
}

// tf.train.Checkpoint names a variable by its path in the object graph.
const SUFFIX = '/.ATTRIBUTES/VARIABLE_VALUE';

/** Returns the variables of the checkpoint in `directory`, by their plain names. */
export async function readAverage(
  client: Client,
  bucket: string,
  directory: string,
): Promise<ReadonlyMap<string, readonly number[]>> {
  const variables = await readVariables(client, bucket, directory);
  return new Map([...variables].map(([name, { values }]) => [name.replace(SUFFIX, ''), [...(values ?? [])]]));
}

async function readVariables(client: Client, bucket: string, directory: string) {
  return readCheckpoint({
    index: await client.download(bucket, `${directory}/checkpoint.index`),
    shard: (shard, shards) => client.download(bucket, `${directory}/checkpoint.data-${pad(shard)}-of-${pad(shards)}`),
  });
}

function pad(number: number): string {
  return String(number).padStart(5, '0');
}

/** Compares the checkpoint in `directory`, variable by variable, with `expected`. */
export async function compareAverage(
  client: Client,
  bucket: string,
  directory: string,
  expected: Readonly<Record<string, readonly number[]>>,
): Promise<readonly Comparison[]> {
  const variables = await readVariables(client, bucket, directory);
  return Object.entries(expected).map(([name, values]) => {
    const variable = variables.get(name) ?? variables.get(`${name}${SUFFIX}`);
    const actual = [...(variable?.values ?? [])].slice(0, values.length);
    return { name, shape: variable?.shape ?? [], actual, expected: values, largestError: errorOf(actual, values) };
  });
}

function errorOf(actual: readonly number[], expected: readonly number[]): number {
  return expected.reduce((most, value, index) => Math.max(most, Math.abs(value - (actual[index] ?? Number.NaN))), 0);
}
