import type { CallOptions, ListOptions, ObjectInfo, ObjectPage, ObjectStore } from '../storage/port.ts';
import { formatGsUri, gsUriProblem } from '../storage/uri.ts';
import type { ObjectPattern } from '../values/object-pattern.ts';
import { taskPrefix } from './update.ts';

/** An object that matches the task's upload pattern. */
export interface ListedUpdate {
  readonly jobId: string;
  readonly name: string;
  readonly generation: string;
  readonly size: number;
  readonly crc32c: string;
  readonly timeCreated: string;
  readonly timeCreatedMs: number;
  /** False for an empty object, and for a name that cannot stand in a checkpoint list. */
  readonly valid: boolean;
}

// Plain names are most of them, and need no closer look.
const PLAIN = /^[A-Za-z0-9_-][\w.-]*$/;

type Page = (pageToken?: string) => Promise<ObjectPage>;

const HEX = '0123456789abcdef'.split('');

interface Range {
  readonly startOffset?: string;
  readonly endOffset?: string;
}

/**
 * Every object of the task that matches `pattern`, in no particular order. One call for up to a page (1,000 objects);
 * beyond that, up to 16 ranges of names are listed side by side. Each object is shown as it was at some moment of the
 * listing: uploads meanwhile may or may not be seen.
 */
export async function listUpdates(
  store: ObjectStore,
  pattern: ObjectPattern,
  taskId: string,
  call: CallOptions = {},
): Promise<readonly ListedUpdate[]> {
  const prefix = taskPrefix(pattern, taskId);
  function pageOf(range: Range): Page {
    return (pageToken) => {
      const options: ListOptions = { ...call, ...range, bucket: pattern.bucket, prefix };
      return store.list(pageToken === undefined ? options : { ...options, pageToken });
    };
  }
  let first = await pageOf({})();
  // A page may be empty, and others follow all the same: https://cloud.google.com/storage/docs/json_api/v1/objects/list
  while (first.objects.length === 0 && first.nextPageToken !== undefined) first = await pageOf({})(first.nextPageToken);
  const last = first.objects.at(-1)?.name;
  const objects = [...first.objects];
  if (first.nextPageToken !== undefined && last !== undefined) {
    const rest = await Promise.all(rangesFrom(prefix, last).map((range) => everyPage(pageOf(range))));
    // The first range begins at the last name of the first page, inclusive.
    for (const part of rest) for (const object of part) if (object.name !== last) objects.push(object);
  }
  const suffix = pattern.segments.at(-1)?.after ?? '';
  return objects.flatMap((object) => toUpdate(prefix, suffix, object) ?? []);
}

// Names of ids that are UUIDs fall evenly between the hex digits; others are found all the same, in the outer ranges.
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

/** `prefix` is the task's: what follows it is the jobId, then what the pattern ends in. */
function toUpdate(prefix: string, suffix: string, object: ObjectInfo): ListedUpdate | null {
  const { name, generation, size, crc32c, timeCreated } = object;
  const jobId = name.slice(prefix.length, name.length - suffix.length);
  if (jobId === '' || jobId.includes('/') || !name.endsWith(suffix)) return null;
  const valid = size > 0 && (PLAIN.test(jobId) || gsUriProblem(formatGsUri(object)) === null);
  return { jobId, name, generation, size, crc32c, timeCreated, timeCreatedMs: Date.parse(timeCreated), valid };
}
