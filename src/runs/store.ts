import { ContentionError, InvalidRequestError, UpstreamError } from '../errors.ts';
import type { CallOptions, ObjectInfo, ObjectStore } from '../storage/port.ts';
import { listObjects } from '../storage/port.ts';
import type { GsUri } from '../storage/uri.ts';
import { formatGsUri, joinGsUri } from '../storage/uri.ts';
import type { RecordState, RunRecord } from './record.ts';
import { RecordStateSchema, isJobLeft, parseRunRecord } from './record.ts';

export interface StateDeps {
  readonly store: ObjectStore;
  /** Where state lives; `runs/` is below it. */
  readonly stateUri: GsUri;
}

/** A record and the generation that a change of it must match. */
export interface StoredRun {
  readonly record: RunRecord;
  readonly generation: string;
}

const MAX_TRIES = 5;
const SUFFIX = '.json';

/** A run in a listing. */
export interface RunSummary {
  readonly aggregationId: string;
  readonly state: RecordState | 'unknown';
  readonly trigger: string;
  readonly claimedAt: string;
  /** Set for a run that is over and whose Job may still exist. */
  readonly jobLeft: boolean;
  readonly schedule?: string;
  /** RFC 3339 in UTC. */
  readonly tick?: string;
  /** Set for a forced run. RFC 3339 in UTC. */
  readonly forcedAt?: string;
}

/** Where the record of a run is. */
export function runUri(deps: StateDeps, id: string): GsUri {
  return joinGsUri(deps.stateUri, `runs/${id}${SUFFIX}`);
}

/** The record of a run, or `null`. Throws UpstreamError on one that cannot be understood. */
export async function readRun(deps: StateDeps, id: string, options: CallOptions = {}): Promise<StoredRun | null> {
  const uri = runUri(deps, id);
  const stored = await deps.store.read(uri, options);
  if (stored === null || stored === 'unchanged') return null;
  return { record: parseStored(uri, stored.text), generation: stored.info.generation };
}

function parseStored(uri: GsUri, text: string): RunRecord {
  try {
    return parseRunRecord(text);
  } catch (cause) {
    const what = `The run's record ${formatGsUri(uri)} cannot be read: it is damaged, or a newer revision wrote it.`;
    throw new UpstreamError(`${what} Restore an earlier generation of it, or deploy the newer revision again.`, {
      cause,
    });
  }
}

/** Writes `record` over `generation` (`'0'`: only if there is none). */
export async function writeRun(
  deps: StateDeps,
  record: RunRecord,
  generation: string,
  options: CallOptions = {},
): Promise<StoredRun | 'conflict'> {
  const written = await deps.store.write(runUri(deps, record.aggregationId), `${JSON.stringify(record, null, 2)}\n`, {
    ...options,
    ifGenerationMatch: generation,
    contentType: 'application/json',
    metadata: metadataOf(record),
  });
  return written === 'conflict' ? 'conflict' : { record, generation: written.generation };
}

// The object's metadata holds the state, so that a listing reads no record.
function metadataOf(record: RunRecord): Record<string, string> {
  return {
    state: record.state,
    trigger: record.trigger,
    'claimed-at': record.claimedAt,
    ...(record.schedule !== undefined && { schedule: record.schedule.name }),
    ...(record.schedule?.tick !== undefined && { tick: record.schedule.tick }),
    ...(record.schedule?.forcedAt !== undefined && { 'forced-at': record.schedule.forcedAt }),
    ...(isJobLeft(record) && { 'job-left': 'true' }),
  };
}

/**
 * Applies `change` to the newest record until a write succeeds; `change` answers the same object where nothing is to
 * be written. Throws ContentionError after 5 lost races, and what the store throws.
 */
export async function updateRun(
  deps: StateDeps,
  from: StoredRun,
  change: (record: RunRecord) => RunRecord,
  options: CallOptions = {},
): Promise<StoredRun> {
  let current = from;
  for (let attempt = 0; attempt < MAX_TRIES; attempt += 1) {
    const next = change(current.record);
    if (next === current.record) return current;
    const written = await writeRun(deps, next, current.generation, options);
    if (written !== 'conflict') return written;
    const newest = await readRun(deps, current.record.aggregationId, options);
    if (newest === null) break;
    current = newest;
  }
  throw new ContentionError(
    `The record of run "${from.record.aggregationId}" changed ${MAX_TRIES} times while it was being written; repeat the call.`,
  );
}

/** Every run, by name; 1000 a call. */
export async function* listRuns(deps: StateDeps, options: CallOptions = {}): AsyncGenerator<RunSummary> {
  const folder = joinGsUri(deps.stateUri, 'runs/');
  for await (const info of listObjects(deps.store, folder, options))
    if (info.name.endsWith(SUFFIX)) yield summaryOf(folder.name, info);
}

function summaryOf(prefix: string, info: ObjectInfo): RunSummary {
  return {
    aggregationId: info.name.slice(prefix.length, -SUFFIX.length),
    state: RecordStateSchema.safeParse(info.metadata['state']).data ?? 'unknown',
    trigger: info.metadata['trigger'] ?? 'unknown',
    claimedAt: info.metadata['claimed-at'] ?? info.timeCreated,
    jobLeft: info.metadata['job-left'] === 'true',
    ...(info.metadata['schedule'] !== undefined && { schedule: info.metadata['schedule'] }),
    ...(info.metadata['tick'] !== undefined && { tick: info.metadata['tick'] }),
    ...(info.metadata['forced-at'] !== undefined && { forcedAt: info.metadata['forced-at'] }),
  };
}

export interface RunsQuery extends CallOptions {
  readonly limit: number;
  readonly pageToken?: string | undefined;
  readonly state?: RunSummary['state'] | undefined;
}

/** A page of the runs on record, newest claim first. Reads listings only: the state is that of the record. */
export async function listRecentRuns(deps: StateDeps, query: RunsQuery) {
  const after = query.pageToken === undefined ? undefined : decode(query.pageToken);
  const found: RunSummary[] = [];
  for await (const run of listRuns(deps, { signal: query.signal })) {
    if (query.state !== undefined && run.state !== query.state) continue;
    if (after === undefined || position(run) < after) found.push(run);
  }
  const page = found.toSorted((a, b) => (position(a) < position(b) ? 1 : -1)).slice(0, query.limit);
  const last = page.at(-1);
  return {
    runs: page.map(({ aggregationId, state, trigger, claimedAt }) => ({
      aggregationId,
      state: state === 'refused' ? 'claimed' : state,
      trigger,
      claimedAt,
    })),
    ...(last !== undefined && found.length > page.length && { nextPageToken: encode(last) }),
  };
}

function decode(token: string): string {
  const text = Buffer.from(token, 'base64url').toString('utf8');
  if (/^\d{4}-\d\d-\d\dT[\d:.]+Z \S+$/.test(text)) return text;
  throw new InvalidRequestError('?pageToken is not one that this call gave out; leave it out for the first page.', [
    { path: '?pageToken', message: 'is not one that this call gave out' },
  ]);
}

// Newest first, then by id, so that the order of pages is stable.
function position(run: RunSummary): string {
  return `${run.claimedAt} ${run.aggregationId}`;
}

function encode(run: RunSummary): string {
  return Buffer.from(position(run)).toString('base64url');
}
