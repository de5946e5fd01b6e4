import type { CallOptions, ListOptions } from '../storage/port.ts';
import type { RoundsDeps } from './deps.ts';
import { tasksFolder } from './paths.ts';
import { taskIdProblem, tasksPrefix } from './update.ts';

/** Every task with a ledger or with uploads, in order. */
export async function listTaskIds(deps: RoundsDeps, call: CallOptions = {}): Promise<readonly string[]> {
  const state = tasksFolder(deps.stateUri);
  const policies = await deps.policies(call);
  const lists = await Promise.all([
    segmentsBelow(deps, state.bucket, state.name, call),
    ...policies.map(({ uploads }) => segmentsBelow(deps, uploads.bucket, tasksPrefix(uploads), call)),
  ]);
  return [...new Set(lists.flat())].filter((taskId) => taskIdProblem(taskId) === null).toSorted();
}

/** The path segments directly below `prefix`. */
async function segmentsBelow(
  { store }: Pick<RoundsDeps, 'store'>,
  bucket: string,
  prefix: string,
  call: CallOptions,
): Promise<readonly string[]> {
  const segments: string[] = [];
  let pageToken: string | undefined;
  do {
    const options: ListOptions = { ...call, bucket, prefix, delimiter: '/' };
    const page = await store.list(pageToken === undefined ? options : { ...options, pageToken });
    for (const each of page.prefixes) segments.push(each.slice(prefix.length, -1));
    pageToken = page.nextPageToken;
  } while (pageToken !== undefined);
  return segments;
}
