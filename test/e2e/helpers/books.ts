import { expect } from 'vitest';
import { isObject, member } from './json.ts';
import { readTask, uploadUpdate } from './rounds.ts';
import { until } from './until.ts';
import type { World } from './world.ts';
import { BUCKETS } from './world.ts';

/** What devices did: the truth that the books are held against. */
export interface UploadLog {
  /** Uploads, and notes that it began and that it ended. */
  upload(jobId: string, bytes?: Uint8Array | string): Promise<void>;
  readonly begun: () => number;
  readonly ended: () => number;
  /** jobId -> the newest generation. */
  readonly generations: ReadonlyMap<string, string>;
}

export const createUploadLog = (world: World, taskId: string): UploadLog => {
  let begun = 0;
  let ended = 0;
  const generations = new Map<string, string>();
  return {
    upload: async (jobId, bytes) => {
      begun += 1;
      generations.set(jobId, await uploadUpdate(world, taskId, jobId, bytes));
      ended += 1;
    },
    begun: () => begun,
    ended: () => ended,
    generations,
  };
};

export interface BooksWatch {
  /**
   * Ends once the books were read at least so many times: a busy machine reads few meanwhile. Throws the first fault that
   * was seen. Answers how many reads succeeded.
   */
  stop(atLeast?: number): Promise<number>;
}

const PARTS = ['aggregated', 'running', 'pending', 'failed', 'duplicate', 'dropped', 'invalid'] as const;

/**
 * Reads the books again and again: they add up, and what they say was uploaded lies between what had been by the
 * read's begin (`twice` of it as re-uploads, which may replace) and what had begun by its end. A read that fails (the
 * function is being killed) says nothing.
 */
export const watchBooks = (world: World, taskId: string, log: UploadLog, twice = 0): BooksWatch => {
  let wanted = Number.POSITIVE_INFINITY;
  const faults: string[] = [];
  let reads = 0;
  const look = async (): Promise<void> => {
    const least = log.ended() - twice;
    const { accounting } = await readTask(world, taskId);
    const most = log.begun();
    reads += 1;
    const sum = PARTS.reduce((total, part) => total + (accounting[part] ?? Number.NaN), 0);
    const uploaded = accounting['uploaded'] ?? Number.NaN;
    if (!(sum === uploaded && uploaded >= least && uploaded <= most))
      faults.push(`${least} to ${most} were uploaded, the books say ${JSON.stringify(accounting)}`);
  };
  const loop = async (): Promise<void> => {
    while (reads < wanted) {
      await look().catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
  };
  const ended = loop();
  return {
    stop: async (atLeast = 0) => {
      wanted = atLeast;
      await ended;
      expect(faults).toEqual([]);
      return reads;
    },
  };
};

/** A manifest as it is in the bucket. */
export interface SealedRound {
  readonly round: number;
  readonly redriveOf?: number;
  readonly updates: readonly { readonly jobId: string; readonly generation: string; readonly name: string }[];
  readonly dropped: readonly { readonly jobId: string }[];
}

const isSealed = (value: unknown): value is SealedRound =>
  isObject(value) && typeof value['round'] === 'number' && Array.isArray(value['updates']);

const readJson = async (world: World, name: string): Promise<unknown> => {
  const bytes = await world.download(BUCKETS.state, name);
  return bytes === null ? null : JSON.parse(Buffer.from(bytes).toString('utf8'));
};

/** Every manifest of the task, in order. */
export const readManifests = async (world: World, taskId: string): Promise<readonly SealedRound[]> => {
  const sealed: SealedRound[] = [];
  for (let round = 1; ; round += 1) {
    const folder = `state/tasks/${taskId}/rounds/${String(round).padStart(6, '0')}`;
    const manifest = await readJson(world, `${folder}/manifest.json`);
    if (manifest === null) return sealed;
    if (!isSealed(manifest)) throw new Error(`${folder}/manifest.json: ${JSON.stringify(manifest)}`);
    sealed.push(manifest);
  }
};

/** `result.json` of a round, once it is there: a round is settled first, and published by the next step or sweep. */
export const readResult = (world: World, taskId: string, round: number): Promise<object> =>
  until(async () => {
    const result = await readJson(world, `state/tasks/${taskId}/rounds/${String(round).padStart(6, '0')}/result.json`);
    if (!isObject(result)) throw new Error(`Round ${round} of ${taskId} is not published.`);
    return result;
  });

/**
 * Nothing lost, nothing twice: each uploaded update is in exactly one round, by the generation that was uploaded last,
 * and the rounds hold nothing else. Redrives are subsets of their round.
 */
export const expectEachOnce = async (world: World, taskId: string, log: UploadLog): Promise<void> => {
  const manifests = await readManifests(world, taskId);
  const first = manifests.filter(({ redriveOf }) => redriveOf === undefined);
  const sealed = first.flatMap(({ updates }) => updates.map(({ jobId, generation }) => `${jobId} ${generation}`));
  const uploaded = [...log.generations].map(([jobId, generation]) => `${jobId} ${generation}`);
  expect(sealed.toSorted()).toEqual(uploaded.toSorted());
};

/** What the listing aggregator wrote for each aggregated round is what the round's manifest says. */
export const expectOutputsMatch = async (world: World, taskId: string): Promise<void> => {
  const { rounds } = await readTask(world, taskId);
  const manifests = await readManifests(world, taskId);
  for (const { round, outcome, outputPath } of rounds) {
    if (outcome !== 'aggregated') continue;
    const [, bucket = '', name = ''] = /^gs:\/\/([^/]+)\/(.+)$/.exec(outputPath) ?? [];
    const output = await world.download(bucket, `${name}/checkpoint.index`);
    const names = manifests.find((manifest) => manifest.round === round)?.updates.map((update) => update.name) ?? [];
    const lines = names.map((each) => `gs://${BUCKETS.uploads}/${each}\n`).join('');
    expect(Buffer.from(output ?? []).toString()).toBe(lines);
    expect(member(await readResult(world, taskId, round), 'outcome')).toBe('aggregated');
  }
};
