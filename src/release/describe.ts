import type { KubeObject } from '../cluster/release-port.ts';
import { InvalidRequestError, NotFoundError } from '../errors.ts';
import { specHash } from '../jobs/spec.ts';
import { isJsonObject } from '../values/json.ts';
import { parseValues } from '../values/parse-values.ts';
import { checkHealth } from './health.ts';
import { currentOf, readState, readStates, requireRelease, revisionOf } from './history.ts';
import type { ReleaseState } from './history.ts';
import { leaseOf, readHold } from './lock.ts';
import type { Hold } from './lock.ts';
import type { Revision } from './records.ts';
import type { ReleaseDeps, Site } from './request.ts';
import { observe } from './rollout.ts';
import { adviseRelease, buildNotes } from './validate.ts';

/** A revision in the history of a release. */
export interface RevisionAnswer {
  readonly revision: number;
  readonly status: Revision['status'];
  readonly description: string;
  readonly createdAt: string;
  readonly finishedAt?: string;
  readonly requestedBy?: string;
  readonly reason?: string;
  /** Fields taken over from other managers. */
  readonly taken?: Revision['taken'];
  readonly images: readonly string[];
  readonly objects: readonly { readonly kind: string; readonly name: string }[];
}

/** A revision's objects, values and notes, as it recorded them. */
export interface RevisionContent {
  readonly revision: number;
  readonly objects: readonly KubeObject[];
  /** `null` for the revision that records what an adoption found. */
  readonly values: unknown;
  readonly notes: readonly string[];
}

/** The content of the current or the given revision. Throws NotFoundError. */
export async function readContent(deps: ReleaseDeps, site: Site, asked: number | undefined): Promise<RevisionContent> {
  const state = await readState(deps, site);
  const { current } = requireRelease(state, site);
  const found = revisionOf(state, asked ?? current);
  if (found !== undefined) {
    const { revision, objects, values } = found;
    return { revision, objects, values, notes: textsOf(found, site).notes };
  }
  const kept = state.revisions.map(({ revision, status }) => `${revision} (${status})`).join(', ');
  const what = asked === undefined ? 'no current revision' : `no revision ${asked}`;
  throw new NotFoundError(`Release "${site.release}" has ${what}. It has: ${kept === '' ? 'none' : kept}.`);
}

/** The revisions of a release, newest first. Throws NotFoundError. */
export async function historyOf(deps: ReleaseDeps, site: Site) {
  const state = await readState(deps, site);
  const pointer = requireRelease(state, site);
  const { release, current, pending } = pointer;
  return {
    release,
    namespace: site.namespace,
    revision: current,
    pending,
    revisions: state.revisions.toReversed().map(answerRevision),
  };
}

function answerRevision(revision: Revision): RevisionAnswer {
  const { status, description, createdAt, finishedAt, requestedBy, reason, taken, objects } = revision;
  return {
    revision: revision.revision,
    status,
    description,
    createdAt,
    ...(finishedAt !== undefined && { finishedAt }),
    ...(requestedBy !== undefined && { requestedBy }),
    ...(reason !== undefined && { reason }),
    ...(taken !== undefined && { taken }),
    images: imagesOf(objects),
    objects: objects.map(({ kind, metadata }) => ({ kind, name: metadata.name })),
  };
}

function imagesOf(objects: readonly KubeObject[]): string[] {
  const found = JSON.stringify(objects).matchAll(/"image":"([^"]+)"/g);
  return [...new Set([...found].map(([, image = '']) => image))];
}

/** `deploying`: a call is at work on the release. `interrupted`: a call was killed or cancelled, and none followed. */
export type ReleaseStatus = 'deploying' | 'deployed' | 'failed' | 'interrupted';
export const RELEASE_STATUSES: readonly ReleaseStatus[] = ['deploying', 'deployed', 'failed', 'interrupted'];

/**
 * The status of the release. A failed revision that was rolled back leaves it `deployed`: the current revision runs, and
 * the history has the failed one.
 */
function statusOf(state: ReleaseState, isBusy: boolean): ReleaseStatus {
  if (isBusy) return 'deploying';
  const last = state.revisions.at(-1);
  if (last?.status === 'pending' || last?.status === 'interrupted') return 'interrupted';
  if (last?.status !== 'failed') return 'deployed';
  const isRestored = currentOf(state) !== undefined && last.end !== 'failed' && last.end !== 'rollback-failed';
  return isRestored ? 'deployed' : 'failed';
}

/** What a list shows of the current revision, or of the last one if none is current. */
function summaryOf(state: ReleaseState) {
  const shown = currentOf(state) ?? state.revisions.at(-1);
  if (shown === undefined) return {};
  const { description, createdAt, finishedAt, requestedBy, values, objects } = shown;
  return {
    description,
    createdAt,
    ...(finishedAt !== undefined && { finishedAt }),
    ...(requestedBy !== undefined && { requestedBy }),
    valuesHash: specHash(values),
    images: imagesOf(objects),
  };
}

/** The releases of all namespaces that configuration allows, or those with one status. */
export async function listReleases(
  deps: ReleaseDeps,
  signal: AbortSignal,
  { status, limit }: { readonly status?: ReleaseStatus | undefined; readonly limit?: number | undefined } = {},
) {
  const states = await readAllStates(deps, signal);
  const rows = await Promise.all(
    states.map(async ({ namespace, release, state }) => {
      // A release that no revision is pending for can be listed without its Lease.
      const site = { release, namespace, signal };
      const isBusy = state.pointer?.pending !== null && (await holdOf(deps, site)) !== null;
      const { current = null, pending = null, inventory = [] } = state.pointer ?? {};
      return {
        release,
        namespace,
        status: statusOf(state, isBusy),
        revision: current,
        pending,
        ...summaryOf(state),
        objects: inventory.map(({ kind, name }) => ({ kind, name })),
      };
    }),
  );
  return rows.filter((row) => status === undefined || row.status === status).slice(0, limit);
}

async function readAllStates(deps: ReleaseDeps, signal: AbortSignal) {
  const found = await Promise.all(
    deps.launch.allowed.namespaces.map(async (namespace) => {
      const states = await readStates(deps, namespace, signal);
      return [...states].map(([release, state]) => ({ namespace, release, state }));
    }),
  );
  return found.flat().toSorted((a, b) => (a.release < b.release ? -1 : 1));
}

/** The status of a release, its revision in progress, and its last failure. Throws NotFoundError. */
export async function describeRelease(deps: ReleaseDeps, site: Site) {
  const [state, hold] = await Promise.all([readState(deps, site), holdOf(deps, site)]);
  // During a first install the Lease exists before the first record.
  const pointer = hold === null ? requireRelease(state, site) : state.pointer;
  const current = currentOf(state);
  const objects = current?.objects ?? [];
  const [readiness, health, inProgress] = await Promise.all([
    readinessOf(deps, site, objects),
    checkHealth(deps, site, objects),
    hold === null ? {} : progressOf(deps, site, state, hold),
  ]);
  const failed = state.revisions.findLast(({ status }) => status === 'failed');
  return {
    release: site.release,
    namespace: site.namespace,
    status: statusOf(state, hold !== null),
    revision: pointer?.current ?? null,
    pending: pointer?.pending ?? null,
    ...inProgress,
    ...summaryOf(state),
    ...readiness,
    health,
    ...textsOf(current, site),
    ...(failed !== undefined && {
      lastFailure: { ...answerRevision(failed), ...(failed.evidence !== undefined && { evidence: failed.evidence }) },
    }),
  };
}

async function readinessOf(deps: ReleaseDeps, site: Site, objects: readonly KubeObject[]) {
  const { readiness, troubles } = await observe(deps, site, objects, new Map());
  return {
    objects: objects.map(({ kind, metadata }) => {
      const found = readiness.find((one) => one.kind === kind && one.name === metadata.name)?.verdict;
      const why = found === undefined || found.kind === 'ready' ? {} : { why: found.why };
      return { kind, name: metadata.name, ...(found !== undefined && { ready: found.kind === 'ready' }), ...why };
    }),
    troubles,
  };
}

/** The call that holds the Lease and, once it is recorded, its revision with the readiness of the objects. */
async function progressOf(deps: ReleaseDeps, site: Site, state: ReleaseState, { holder, since }: Hold) {
  const busy = { holder, since };
  const revision = revisionOf(state, state.pointer?.pending);
  if (revision === undefined) return { busy };
  return { busy, inProgress: { ...answerRevision(revision), ...(await readinessOf(deps, site, revision.objects)) } };
}

/** The holder of the release's Lease; `null` if nobody holds it or its time is over. */
async function holdOf(deps: ReleaseDeps, site: Site): Promise<Hold | null> {
  const lease = await leaseOf(deps, site);
  const hold = lease === null ? null : readHold(lease);
  return hold === null || hold.expiresAtMs <= deps.launch.now().getTime() ? null : hold;
}

function textsOf(revision: Revision | undefined, site: Site) {
  if (revision === undefined || !isJsonObject(revision.values)) return { notes: [], warnings: [] };
  try {
    const values = parseValues(revision.values);
    return { notes: buildNotes(values, site), warnings: adviseRelease(values, site) };
  } catch {
    // The rules are stricter now; the revision runs all the same.
    return { notes: [], warnings: [] };
  }
}

/**
 * The allowed namespace that contains the release. Throws InvalidRequestError if several do, NotFoundError if none
 * does.
 */
export async function findNamespace(deps: ReleaseDeps, release: string, signal: AbortSignal): Promise<string> {
  const { namespaces } = deps.launch.allowed;
  const [only] = namespaces;
  if (namespaces.length === 1 && only !== undefined) return only;
  const found = (await readAllStates(deps, signal)).filter((one) => one.release === release);
  const [first, second] = found;
  if (first !== undefined && second === undefined) return first.namespace;
  const held = found.map(({ namespace }) => namespace).join(', ');
  if (first === undefined) {
    throw new NotFoundError(`There is no release "${release}" in ${namespaces.join(', ')}. GET / lists the releases.`);
  }
  const message = `is missing: release "${release}" is in several namespaces (${held})`;
  throw new InvalidRequestError(`?namespace ${message}.`, [{ path: '?namespace', message }]);
}
