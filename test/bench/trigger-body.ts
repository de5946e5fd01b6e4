import { AGGREGATOR, BUCKETS } from './world.ts';

/** The name of the list in the bucket of uploads. */
export const LIST = 'lists/updates.txt';

/** The body of a trigger: a run `id` of {@link LIST}. */
export const buildTrigger = (id: string): string =>
  JSON.stringify({
    ...AGGREGATOR,
    aggregationId: id,
    checkpointsFilePath: `gs://${BUCKETS.uploads}/${LIST}`,
    outputPath: `gs://${BUCKETS.models}/${id}`,
  });
