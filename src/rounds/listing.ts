import type { CallOptions, ListOptions, ObjectInfo, ObjectPage, ObjectStore } from '../storage/port.ts';
import type { GsUri } from '../storage/uri.ts';
import type { ManifestUpdate } from './manifest.ts';
import { tasksFolder } from './paths.ts';
import type { UploadRule } from './update.ts';
import { folderProblem, objectProblem, taskIdProblem, taskPrefix, tasksPrefix } from './update.ts';

/** An object that matches the task's upload pattern. */
export interface ListedUpdate extends ManifestUpdate {
  readonly timeCreatedMs: number;
  /** Why it cannot be aggregated, in words that follow "is": it is empty, or its name cannot be used in a checkpoint list. */
  readonly problem: string | null;
}

/** The folders of all tasks. */
export interface TaskFolders {
  /** Sorted. */
  readonly taskIds: readonly string[];
  /** Folders with uploads that cannot be tasks. */
  readonly unusable: readonly Unusable[];
}

/** An object or a folder that matches an upload pattern and cannot be used. */
export interface Unusable {
  /** A `gs://` path. */
  readonly path: string;
  /** In words that follow "is". */
  readonly reason: string;
}

// Most names are plain and need no further check.
const PLAIN = /^[A-Za-z0-9_-][\w.-]*$/;

type Page = (pageToken?: string) => Promise<ObjectPage>;

const HEX = '0123456789abcdef'.split('');

interface Range {
  readonly startOffset?: string;
  readonly endOffset?: string;
}

/**
 * Every object of the task that matches the pattern of `rule`, in no particular order. The first page (1,000 objects) takes one call;
 * up to 16 ranges of names are then listed in parallel. An object that is uploaded during the listing may be missing.
 */
export async function listUpdates(
  store: ObjectStore,
  rule: UploadRule,
  taskId: string,
  call: CallOptions = {},
): Promise<readonly ListedUpdate[]> {
  const pattern = rule.uploads;
  const prefix = taskPrefix(rule, taskId);
  function pageOf(range: Range): Page {
    return (pageToken) => {
      const options: ListOptions = { ...call, ...range, bucket: pattern.bucket, prefix };
      return store.list(pageToken === undefined ? options : { ...options, pageToken });
    };
  }
  let first = await pageOf({})();
  // An empty page may be followed by others: https://cloud.google.com/storage/docs/json_api/v1/objects/list
  while (first.objects.length === 0 && first.nextPageToken !== undefined) first = await pageOf({})(first.nextPageToken);
  const last = first.objects.at(-1)?.name;
  const objects = [...first.objects];
  if (first.nextPageToken !== undefined && last !== undefined) {
    const rest = await Promise.all(rangesFrom(prefix, last).map((range) => everyPage(pageOf(range))));
    // The first range includes the last name of the first page.
    for (const part of rest) for (const object of part) if (object.name !== last) objects.push(object);
  }
  const suffix = pattern.segments.at(-1)?.after ?? '';
  return objects.flatMap((object) => toUpdate(prefix, suffix, object) ?? []);
}

// UUIDs are distributed evenly over these ranges. Other ids are in the outer ranges.
function rangesFrom(prefix: string, last: string): readonly Range[] {
  const bounds = HEX.slice(1)
    .map((digit) => prefix + digit)
    .filter((bound) => bound > last);
  return [last, ...bounds].map((startOffset, index) => {
    const endOffset = bounds[index];
    return { startOffset, ...(endOffset !== undefined && { endOffset }) };
  });
}

async function everyPage(page: Page): Promise<readonly ObjectInfo[]> {
  const objects: ObjectInfo[] = [];
  let current: ObjectPage | undefined;
  do {
    current = await page(current?.nextPageToken);
    for (const object of current.objects) objects.push(object);
  } while (current.nextPageToken !== undefined);
  return objects;
}

/** The name is the task's prefix, the jobId and the suffix of the pattern. */
function toUpdate(prefix: string, suffix: string, object: ObjectInfo): ListedUpdate | null {
  const { name, generation, size, crc32c, timeCreated } = object;
  const jobId = name.slice(prefix.length, name.length - suffix.length);
  if (jobId === '' || jobId.includes('/') || !name.endsWith(suffix)) return null;
  const problem = size === 0 ? 'empty' : PLAIN.test(jobId) ? null : objectProblem(object);
  return { jobId, name, generation, size, crc32c, timeCreated, timeCreatedMs: Date.parse(timeCreated), problem };
}

/** The tasks that have a ledger or uploads, and the folders of uploads that cannot be tasks. */
export async function listTaskFolders(
  { store, stateUri }: { readonly store: ObjectStore; readonly stateUri: GsUri },
  rules: readonly UploadRule[],
  call: CallOptions = {},
): Promise<TaskFolders> {
  const unusable: Unusable[] = [];
  const folder = tasksFolder(stateUri);
  const withState = segmentsBelow(store, folder.bucket, folder.name, call);
  const lists = await Promise.all([
    withState.then((taskIds) => taskIds.filter((taskId) => taskIdProblem(taskId) === null)),
    ...rules.map(async (rule) => {
      const folders = await segmentsBelow(store, rule.uploads.bucket, tasksPrefix(rule.uploads), call);
      return folders.flatMap((name) => {
        const reason = folderProblem(rules, rule, name);
        if (reason === null) return [`${rule.taskIdPrefix}${name}`];
        const path = `gs://${rule.uploads.bucket}/${tasksPrefix(rule.uploads)}${name}/`;
        unusable.push({ path, reason });
        return [];
      });
    }),
  ]);
  return { taskIds: [...new Set(lists.flat())].toSorted(), unusable };
}

/** The path segments directly below `prefix`. */
async function segmentsBelow(
  store: ObjectStore,
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
