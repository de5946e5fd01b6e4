import { AppError } from '../errors.ts';
import type { RoundsDeps } from './deps.ts';
import { listTaskIds } from './task-ids.ts';
import { readTask } from './task-status.ts';
import type { TaskStatus } from './task-status.ts';

export interface ListTasksOptions {
  readonly limit?: number;
  /** The `nextPageToken` of the page before. */
  readonly pageToken?: string;
  readonly signal?: AbortSignal;
}

/** A task, or why it cannot be told of: one with corrupt state must not hide the others. */
export type ListedTask = TaskStatus | { readonly taskId: string; readonly problem: string };

export interface TaskPage {
  readonly tasks: readonly ListedTask[];
  readonly nextPageToken?: string;
}

const DEFAULT_LIMIT = 50;
const CONCURRENCY = 8;

/** One page of tasks, in the order of their ids. */
export async function listTasks(deps: RoundsDeps, options: ListTasksOptions = {}): Promise<TaskPage> {
  const { limit = DEFAULT_LIMIT, pageToken = '', signal } = options;
  const taskIds = (await listTaskIds(deps, signal === undefined ? {} : { signal })).filter(
    (taskId) => taskId > pageToken,
  );
  const page = taskIds.slice(0, limit);
  const tasks = new Map<string, ListedTask>();
  const queue = page.values();
  async function worker(): Promise<void> {
    for (const taskId of queue) tasks.set(taskId, await readOrTell(deps, taskId, options));
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
  const last = page.at(-1);
  return {
    tasks: page.flatMap((taskId) => tasks.get(taskId) ?? []),
    ...(last !== undefined && page.length < taskIds.length && { nextPageToken: last }),
  };
}

async function readOrTell(deps: RoundsDeps, taskId: string, options: ListTasksOptions): Promise<ListedTask> {
  try {
    return await readTask(deps, taskId, options.signal === undefined ? {} : { signal: options.signal });
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return { taskId, problem: error.message };
  }
}
