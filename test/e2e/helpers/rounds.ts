import { expect } from 'vitest';
import { isObject, member } from './json.ts';
import { until } from './until.ts';
import type { World } from './world.ts';
import { BUCKETS, IMAGE } from './world.ts';

/** Configured values with one entry of `rounds[]`; `policy` is laid over it. */
export const roundValues = (policy: object = {}, more: object = {}) => ({
  aggregator: {
    repository: IMAGE,
    tag: '1.0',
    aggregationType: 'wcma',
    backoffLimit: 0,
    // A list that is uploaded again has the same output directory.
    onOutputExists: 'replace',
    serviceAccount: { secret: 'sacred', key: 'sacred.json', mountPath: '/etc/sacred' },
  },
  rounds: [
    {
      uploads: `gs://${BUCKETS.uploads}/tasksJobs/{taskId}/{jobId}.zip`,
      outputPath: `gs://${BUCKETS.models}/{taskId}/round-{round}/attempt-{attempt}`,
      reportGoal: 5,
      maxAttempts: 2,
      retryBackoffSec: 0,
      ...policy,
    },
  ],
  ...more,
});

export const updateName = (taskId: string, jobId: string): string => `tasksJobs/${taskId}/${jobId}.zip`;

/** A device uploads its update. Answers the generation. */
export const uploadUpdate = (
  world: World,
  taskId: string,
  jobId: string,
  bytes: Uint8Array | string = `update ${jobId}`,
): Promise<string> => world.upload({ bucket: BUCKETS.uploads, name: updateName(taskId, jobId), bytes });

export interface Task {
  readonly accounting: Readonly<Record<string, number>>;
  readonly decision: { readonly kind: string; readonly reason: string };
  readonly openRound?: Readonly<Record<string, unknown>>;
  readonly rounds: readonly {
    readonly round: number;
    readonly outcome: string;
    readonly updates: number;
    readonly outputPath: string;
    readonly redrivenAs?: number;
    readonly failures: readonly { readonly reason: string }[];
  }[];
  readonly latest?: Readonly<Record<string, unknown>>;
}

const isTask = (body: unknown): body is Task =>
  isObject(member(body, 'accounting')) && isObject(member(body, 'decision')) && Array.isArray(member(body, 'rounds'));

/** `GET /tasks/<taskId>`. Throws for any answer but a task. */
export const readTask = async (world: World, taskId: string): Promise<Task> => {
  const { status, body, text } = await world.call('GET', `/tasks/${encodeURIComponent(taskId)}`);
  if (status !== 200 || !isTask(body)) throw new Error(`task ${taskId}: ${status} ${text}`);
  return body;
};

/** The task once its books are as `expected`; asked again and again, as a person would. */
export const taskWithBooks = (
  world: World,
  taskId: string,
  expected: Readonly<Record<string, number>>,
): Promise<Task> =>
  until(async () => {
    const task = await readTask(world, taskId);
    expect(task).toMatchObject({ accounting: expected });
    return task;
  });

/** Cloud Scheduler's part: a sweep every so often, whatever comes of it, until the answer is called. */
export const startSweeping = (world: World, everyMs = 600): (() => Promise<void>) => {
  const stop = new AbortController();
  const loop = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      await world.call('POST', '/sweep').catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
  };
  const ended = loop();
  return async () => {
    stop.abort();
    await ended;
  };
};
