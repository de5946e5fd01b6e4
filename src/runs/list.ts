import type { RunSummary, StateDeps } from './store.ts';
import { listRuns } from './store.ts';
import { InvalidRequestError } from '../errors.ts';

export interface RunsQuery {
  readonly limit: number;
  readonly pageToken?: string | undefined;
  readonly state?: RunSummary['state'] | undefined;
  readonly signal?: AbortSignal;
}

export interface RunsPage {
  readonly runs: readonly {
    readonly aggregationId: string;
    readonly state: string;
    readonly trigger: string;
    readonly claimedAt: string;
  }[];
  readonly nextPageToken?: string;
}

/** A page of the runs on record, newest claim first. Reads listings only: the state is that of the record. */
export async function listRecentRuns(deps: StateDeps, query: RunsQuery): Promise<RunsPage> {
  const after = query.pageToken === undefined ? undefined : decode(query.pageToken);
  const found: RunSummary[] = [];
  for await (const run of listRuns(deps, query.signal === undefined ? {} : { signal: query.signal })) {
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

// Newest first; two of one moment by name, so that a page's end is a place and not an accident.
function position(run: RunSummary): string {
  return `${run.claimedAt} ${run.aggregationId}`;
}

function encode(run: RunSummary): string {
  return Buffer.from(position(run)).toString('base64url');
}
