import type { Ledger } from '../../../src/rounds/ledger.ts';

export interface Upload {
  readonly generation: number;
  readonly timeCreatedMs: number;
  readonly size: number;
  /** Equal for equal bytes. */
  readonly content: string;
}

interface IdTruth {
  /** What is known of it for good: it left the ledger's memory. */
  folded: number;
  /** Since then, oldest first. */
  uploads: readonly Upload[];
  /** The generation that a manifest sealed or dropped since then, and that manifest's round. */
  settled: { readonly generation: number; readonly round: number; readonly content: string } | null;
}

interface TaskTruth {
  readonly ids: Map<string, IdTruth>;
  readonly log: Map<string, readonly Upload[]>;
  /** Invalid objects that were passed by the watermark and replaced after the listing that saw them. */
  passed: number;
}

/**
 * How many updates a task truly has, from the log of uploads. Of the product it uses only what makes an id's next upload
 * a new update: the manifests, and the moments at which a ledger forgets an id or passes an invalid object.
 */
export interface Truth {
  upload(taskId: string, jobId: string, upload: Upload): void;
  settle(taskId: string, jobId: string, generation: number, round: number): void;
  /** The ledger `after` was written over `before`. Answers what is wrong with what it folded into its totals, or null. */
  fold(before: Ledger, after: Ledger): string | null;
  /** The task's state was moved away: what is in the bucket is new again. */
  restart(taskId: string): void;
  count(taskId: string): number;
  /** The smallest and the largest count from now on. */
  watch(taskId: string): { readonly min: number; readonly max: number; readonly end: () => void };
  /** Every upload of the task, by jobId. */
  uploads(taskId: string): ReadonlyMap<string, readonly Upload[]>;
}

const isDuplicate = ({ settled }: IdTruth, upload: Upload | undefined): boolean =>
  settled !== null &&
  upload !== undefined &&
  upload.generation > settled.generation &&
  upload.content !== settled.content;

const countOf = (id: IdTruth): number => {
  const { folded, uploads, settled } = id;
  const newest = uploads.at(-1);
  if (settled === null) return folded + (newest === undefined ? 0 : 1);
  return folded + 1 + (isDuplicate(id, newest) ? 1 : 0);
};

/** Counts for good what lies at or before the watermark; what comes after is a new update. True: a duplicate was folded. */
const close = (id: IdTruth, watermarkMs: number): boolean => {
  const last = id.uploads.findLast(({ timeCreatedMs }) => timeCreatedMs <= watermarkMs);
  const duplicate = isDuplicate(id, last);
  id.folded += duplicate ? 2 : 1;
  // A generation before the last one was overwritten, whatever time the bucket gave it.
  id.uploads = id.uploads.filter(({ generation }) => generation > (last?.generation ?? 0));
  id.settled = null;
  return duplicate;
};

/** `certain`: an empty object was passed, and is the newest still. `possible`: it was replaced, before or after the listing. */
const passesInvalid = (id: IdTruth, from: number, to: number): 'certain' | 'possible' | null => {
  if (id.settled !== null) return null;
  const passed = id.uploads.findLast(({ timeCreatedMs }) => timeCreatedMs <= to);
  if (passed === undefined || passed.timeCreatedMs <= from || passed.size > 0) return null;
  return passed === id.uploads.at(-1) ? 'certain' : 'possible';
};

export const createTruth = (): Truth => {
  const tasks = new Map<string, TaskTruth>();
  const taskOf = (taskId: string): TaskTruth => {
    const task = tasks.get(taskId) ?? { ids: new Map(), log: new Map(), passed: 0 };
    tasks.set(taskId, task);
    return task;
  };
  const idOf = (taskId: string, jobId: string): IdTruth => {
    const { ids } = taskOf(taskId);
    const id = ids.get(jobId) ?? { folded: 0, uploads: [], settled: null };
    ids.set(jobId, id);
    return id;
  };
  const count = (taskId: string): number => {
    const task = taskOf(taskId);
    let sum = task.passed;
    for (const id of task.ids.values()) sum += countOf(id);
    return sum;
  };
  const watches = new Map<object, { taskId: string; min: number; max: number }>();
  const note = (taskId: string): void => {
    for (const watch of watches.values()) {
      if (watch.taskId !== taskId) continue;
      const now = count(taskId);
      Object.assign(watch, { min: Math.min(watch.min, now), max: Math.max(watch.max, now) });
    }
  };
  return {
    upload: (taskId, jobId, upload) => {
      const id = idOf(taskId, jobId);
      id.uploads = [...id.uploads, upload];
      const { log } = taskOf(taskId);
      log.set(jobId, [...(log.get(jobId) ?? []), upload]);
      note(taskId);
    },
    settle: (taskId, jobId, generation, round) => {
      const sealed = taskOf(taskId)
        .log.get(jobId)
        ?.find((upload) => upload.generation === generation);
      idOf(taskId, jobId).settled = { generation, round, content: sealed?.content ?? '' };
      note(taskId);
    },
    fold: (before, after) => {
      const task = taskOf(after.taskId);
      let [duplicates, certain, possible] = [0, 0, 0];
      for (const [jobId, id] of task.ids) {
        const invalid = passesInvalid(id, before.watermarkMs, after.watermarkMs);
        if (invalid === 'certain') {
          certain += 1;
          close(id, after.watermarkMs);
        } else if (invalid === 'possible') possible += 1;
        const forgotten = id.settled !== null && id.settled.round < after.next && !after.settled.has(jobId);
        if (forgotten && close(id, after.watermarkMs)) duplicates += 1;
      }
      const invalids = after.totals.invalid - before.totals.invalid;
      task.passed += Math.max(0, invalids - certain);
      if (invalids < certain || invalids > certain + possible) return `${invalids} invalid ones folded, not ${certain}`;
      note(after.taskId);
      const folded = after.totals.duplicate - before.totals.duplicate;
      return folded === duplicates ? null : `${folded} duplicates folded, not ${duplicates}`;
    },
    restart: (taskId) => {
      const task = taskOf(taskId);
      task.passed = 0;
      for (const [jobId, uploads] of task.log) {
        task.ids.set(jobId, { folded: 0, settled: null, uploads: uploads.slice(-1) });
      }
    },
    count,
    watch: (taskId) => {
      const now = count(taskId);
      const watch = { taskId, min: now, max: now, end: () => void watches.delete(watch) };
      watches.set(watch, watch);
      return watch;
    },
    uploads: (taskId) => taskOf(taskId).log,
  };
};
