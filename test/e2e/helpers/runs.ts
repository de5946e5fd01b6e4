import { expect } from 'vitest';
import { member } from './json.ts';
import { until } from './until.ts';
import type { World } from './world.ts';
import { BUCKETS, IMAGE } from './world.ts';

/** The aggregator's fields of a request, and what a test says instead. */
export const fields = (aggregationId: string, over: object = {}): Record<string, unknown> => ({
  repository: IMAGE,
  tag: '1.0',
  aggregationId,
  checkpointsFilePath: `gs://${BUCKETS.uploads}/lists/two.txt`,
  outputPath: `gs://${BUCKETS.models}/${aggregationId}`,
  aggregationType: 'wcma',
  serviceAccount: { secret: 'sacred', key: 'sacred.json', mountPath: '/etc/sacred' },
  ...over,
});

/** Uploads a checkpoint list. Answers its `gs://` path. */
export const putList = async (world: World, name: string, lines: readonly string[]): Promise<string> => {
  await world.upload({ bucket: BUCKETS.uploads, name, bytes: lines.map((line) => `${line}\n`).join('') });
  return `gs://${BUCKETS.uploads}/${name}`;
};

/** The Jobs of one run. */
export const jobsOf = async (world: World, id: string): Promise<readonly Record<string, unknown>[]> =>
  (await world.jobs()).filter(
    (job) => member(job, 'metadata', 'annotations', 'tensorio-trigger/aggregation-id') === id,
  );

/** The run once it has come to `state`. */
export const runInState = (world: World, id: string, state: string): Promise<Readonly<Record<string, unknown>>> =>
  until(async () => {
    const { status, body } = await world.call('GET', `/${id}`);
    expect({ status, id, state: body['state'], why: body['why'] }).toMatchObject({ status: 200, state });
    return body;
  });

const recordUri = (id: string) => ({ bucket: BUCKETS.state, name: `state/runs/${id}.json` });

/** The run's record as it is in the bucket, or `null`. */
export const readRecord = async (world: World, id: string): Promise<Record<string, unknown> | null> => {
  const found = await world.store.read(recordUri(id));
  return found === null || found === 'unchanged' ? null : JSON.parse(found.text);
};

/** Makes a claim `seconds` old by now: the sweep leaves those of the last minute to their callers. */
export const ageClaim = async (world: World, id: string, seconds: number): Promise<void> => {
  const found = await world.store.read(recordUri(id));
  if (found === null || found === 'unchanged') throw new Error(`run ${id} has no record`);
  const record: Record<string, unknown> = JSON.parse(found.text);
  const claimedAt = new Date(Date.now() - seconds * 1000).toISOString();
  await world.store.write(recordUri(id), JSON.stringify({ ...record, claimedAt }), {
    ifGenerationMatch: found.info.generation,
    contentType: 'application/json',
    metadata: { state: String(record['state']), trigger: String(record['trigger']), 'claimed-at': claimedAt },
  });
};
