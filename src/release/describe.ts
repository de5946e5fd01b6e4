import type { KubeObject } from '../cluster/release-port.ts';
import { InvalidRequestError, NotFoundError } from '../errors.ts';
import { isJsonObject } from '../values/json.ts';
import { parseValues } from '../values/parse-values.ts';
import { checkHealth } from './health.ts';
import { currentOf, listPointers, readState, requireRelease } from './history.ts';
import { leaseOf, readHold } from './lock.ts';
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

/** The releases of all namespaces that configuration allows. */
export async function listReleases(deps: ReleaseDeps, signal: AbortSignal) {
  const { namespaces } = deps.launch.allowed;
  const found = await Promise.all(
    namespaces.map(async (namespace) =>
      (await listPointers(deps, namespace, signal)).map(({ release, current, pending, inventory }) => ({
        release,
        namespace,
        revision: current,
        pending,
        objects: inventory.map(({ kind, name }) => ({ kind, name })),
      })),
    ),
  );
  return found.flat().toSorted((a, b) => (a.release < b.release ? -1 : 1));
}

/** The status of a release with its last failure. Throws NotFoundError. */
export async function describeRelease(deps: ReleaseDeps, site: Site) {
  const state = await readState(deps, site);
  const pointer = requireRelease(state, site);
  const current = currentOf(state);
  const objects = current?.objects ?? [];
  const [observation, health, busy] = await Promise.all([
    observe(deps, site, objects, new Map()),
    checkHealth(deps, site, objects),
    busyOf(deps, site),
  ]);
  const failed = state.revisions.findLast(({ status }) => status === 'failed');
  const last = state.revisions.at(-1);
  return {
    release: site.release,
    namespace: site.namespace,
    revision: pointer.current,
    pending: pointer.pending,
    ...busy,
    state: last?.status ?? 'unknown',
    objects: objects.map(({ kind, metadata }) => {
      const found = observation.readiness.find((one) => one.kind === kind && one.name === metadata.name)?.verdict;
      const why = found === undefined || found.kind === 'ready' ? {} : { why: found.why };
      return { kind, name: metadata.name, ...(found !== undefined && { ready: found.kind === 'ready' }), ...why };
    }),
    troubles: observation.troubles,
    health,
    ...textsOf(current, site),
    ...(failed !== undefined && {
      lastFailure: { ...answerRevision(failed), ...(failed.evidence !== undefined && { evidence: failed.evidence }) },
    }),
  };
}

async function busyOf(deps: ReleaseDeps, site: Site) {
  const lease = await leaseOf(deps, site);
  const hold = lease === null ? null : readHold(lease);
  if (hold === null || hold.expiresAtMs <= deps.launch.now().getTime()) return {};
  return { busy: { holder: hold.holder, since: hold.since } };
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
  const found = (await listReleases(deps, signal)).filter((one) => one.release === release);
  const [first, second] = found;
  if (first !== undefined && second === undefined) return first.namespace;
  const held = found.map(({ namespace }) => namespace).join(', ');
  if (first === undefined) {
    throw new NotFoundError(`There is no release "${release}" in ${namespaces.join(', ')}. GET / lists the releases.`);
  }
  const message = `is missing: release "${release}" is in several namespaces (${held})`;
  throw new InvalidRequestError(`?namespace ${message}.`, [{ path: '?namespace', message }]);
}
