import type { Issue } from '../errors.ts';
import { InvalidRequestError } from '../errors.ts';
import type { Allowances } from '../jobs/allowed.ts';
import type { GsUri } from '../storage/uri.ts';
import { formatGsUri, joinGsUri } from '../storage/uri.ts';
import { requireAggregator } from '../values/complete-aggregator.ts';
import {
  directoryFeeds,
  parseDirectoryPattern,
  parseObjectPattern,
  patternsOverlap,
} from '../values/object-pattern.ts';
import type { Values } from '../values/parse-values.ts';

/** Folders of the state. An object that this service writes there must not count as an upload. */
const STATE_FOLDERS = ['runs', 'outputs', 'tasks', 'schedules'] as const;

/**
 * Checks configured values with `rounds` or `lists`: the fields that every Job needs are present, the buckets are allowed,
 * and no pattern matches the state of this service. Throws InvalidRequestError with all faults, before a round that cannot
 * start collects updates.
 */
export function assertRunnable(values: Values, allowed: Allowances, stateUri: GsUri): void {
  if (values.rounds.length === 0 && values.lists.length === 0) return;
  const issues = [
    ...values.rounds.flatMap((round, index) => [
      bucketIssue(allowed, `rounds[${index}].uploads`, round.uploads),
      stateIssue(stateUri, `rounds[${index}].uploads`, round.uploads),
      bucketIssue(allowed, `rounds[${index}].outputPath`, round.outputPath),
    ]),
    ...values.lists.flatMap((list, index) => [
      bucketIssue(allowed, `lists[${index}].object`, list.object),
      stateIssue(stateUri, `lists[${index}].object`, list.object),
      bucketIssue(allowed, `lists[${index}].outputPath`, list.outputPath),
    ]),
  ].filter((issue) => issue !== null);
  if (issues.length > 0) {
    throw new InvalidRequestError(issues.map(({ path, message }) => `${path}: ${message}`).join('; '), issues);
  }
  const anyPath = { checkpointsFilePath: 'gs://any/list', outputPath: 'gs://any/output' };
  requireAggregator({ aggregator: { ...values.aggregator, ...anyPath } }, { idIsDerived: true });
}

function bucketIssue(allowed: Allowances, path: string, text: string): Issue | null {
  const bucket = text.slice('gs://'.length).split('/', 1)[0] ?? '';
  return allowed.buckets.includes(bucket)
    ? null
    : { path, message: `bucket "${bucket}" is not allowed by ALLOWED_BUCKETS` };
}

function stateIssue(stateUri: GsUri, path: string, text: string): Issue | null {
  const pattern = parseObjectPattern(text, path);
  const isFed = STATE_FOLDERS.some((folder) => {
    const directory = parseDirectoryPattern(formatGsUri(joinGsUri(stateUri, folder)), 'STATE_URI');
    return directoryFeeds(directory, pattern);
  });
  const sweep = parseObjectPattern(formatGsUri(joinGsUri(stateUri, 'sweep.json')), 'STATE_URI');
  if (!isFed && !patternsOverlap(sweep, pattern)) return null;
  const message = `matches objects that this service writes under ${formatGsUri(stateUri)} (STATE_URI): each write would be an upload, a loop`;
  return { path, message };
}
