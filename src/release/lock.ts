import type { CallOptions } from '../cluster/port.ts';
import type { KubeObject, ObjectRef, Objects } from '../cluster/release-port.ts';
import { AppError, NotFoundError, isAmbiguous } from '../errors.ts';
import { BusyError, CancelledError } from './errors.ts';
import { RELEASE_LABEL, stateName } from './names.ts';
import type { ReleaseDeps, Session, Site } from './request.ts';

const LEASE_SEC = 60;
const RENEW_AFTER_MS = 15_000;
/** A write that starts with less time left could still be in progress when another call takes the Lease. */
const LEAST_LEFT_MS = 20_000;
/** A call notices within this time and its current write that it is cancelled or has lost its Lease. */
const CHECK_AFTER_MS = 2_000;
const MAX_TRIES = 5;
const RELEASE_WITHIN_MS = 10_000;
const CANCEL_POLL_MS = 500;
/** Annotation of the Lease of a call that is to stop. */
const CANCELLED_BY = 'tensorio-trigger/cancelled-by';

export interface Hold {
  readonly holder: string;
  readonly since: string | undefined;
  readonly expiresAtMs: number;
}

/** The holder of a Lease; `null` if it has none. */
export function readHold(lease: KubeObject): Hold | null {
  const spec = new Map<string, unknown>(Object.entries(lease['spec'] ?? {}));
  const holder = text(spec.get('holderIdentity'));
  if (holder === undefined) return null;
  const renewed = Date.parse(text(spec.get('renewTime')) ?? text(spec.get('acquireTime')) ?? '');
  const duration = spec.get('leaseDurationSeconds');
  const durationMs = (typeof duration === 'number' ? duration : LEASE_SEC) * 1_000;
  const expiresAtMs = Number.isNaN(renewed) ? 0 : renewed + durationMs;
  return { holder, since: text(spec.get('acquireTime')), expiresAtMs };
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/**
 * Runs `work` while this call holds the release's Lease. Throws BusyError if another call holds it, or took it meanwhile:
 * then nothing more is written, and the next call resumes the work. Throws CancelledError after `onCancel`, which records
 * the state, if the call was cancelled.
 */
export async function withLock<T>(
  deps: ReleaseDeps,
  site: Site,
  holder: { readonly requestId: string; readonly requestedBy?: string | undefined },
  work: (session: Session) => Promise<T>,
  onCancel: (session: Session, error: CancelledError) => Promise<void> = async () => undefined,
): Promise<T> {
  const { requestId, requestedBy } = holder;
  const identity = requestedBy === undefined ? requestId : `${requestedBy} (${requestId})`;
  const acquiredAt = deps.launch.now();
  const lease = await take(deps, site, identity);
  const keeper = createKeeper(deps, site, identity, lease, acquiredAt);
  const session = { ...site, deps, requestId, ensureLock: keeper.ensureLock };
  try {
    return await work(session);
  } catch (error) {
    if (error instanceof CancelledError) {
      keeper.acceptCancel();
      await onCancel(session, error);
    }
    throw error;
  } finally {
    await keeper.release();
  }
}

async function take(deps: ReleaseDeps, site: Site, holder: string): Promise<KubeObject> {
  const { cluster, launch } = deps;
  const { signal } = site;
  for (let attempt = 0; attempt < MAX_TRIES; attempt += 1) {
    const now = launch.now();
    const made = await settle(cluster.createObject(buildLease(site, holder, now, now, null), { signal }));
    if (made !== 'exists' && made !== 'open') return made;
    const found = await cluster.getObject(leaseRef(site), { signal });
    if (found === null) continue;
    const hold = readHold(found);
    if (hold?.holder === holder) return found;
    if (hold !== null && hold.expiresAtMs > now.getTime()) throw busy(site, hold, now.getTime());
    const taken = await settle(cluster.replaceObject(buildLease(site, holder, now, now, found), { signal }));
    if (taken !== 'conflict' && taken !== 'open') return taken;
  }
  throw lost(site, 'its Lease changed hands faster than it could be taken');
}

/** The result of `work`, or `open` if an error leaves open whether it was carried out; reading the Lease shows it. */
async function settle<T>(work: Promise<T>): Promise<T | 'open'> {
  try {
    return await work;
  } catch (error) {
    if (isAmbiguous(error)) return 'open';
    throw error;
  }
}

function buildLease(site: Site, holder: string, now: Date, acquiredAt: Date, over: KubeObject | null): KubeObject {
  const { apiVersion, kind, name, namespace } = leaseRef(site);
  const resourceVersion = over?.metadata.resourceVersion;
  return {
    apiVersion,
    kind,
    metadata: {
      name,
      namespace,
      labels: { [RELEASE_LABEL]: site.release },
      ...(resourceVersion !== undefined && { resourceVersion }),
    },
    spec: {
      holderIdentity: holder,
      leaseDurationSeconds: LEASE_SEC,
      acquireTime: microTime(acquiredAt),
      renewTime: microTime(now),
    },
  };
}

function leaseRef({ release, namespace }: Site): ObjectRef {
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    namespace,
    name: stateName(release),
  };
}

/** V1MicroTime: Kubernetes refuses the times of a Lease without six decimal places. */
function microTime(date: Date): string {
  return date.toISOString().replace('Z', '000Z');
}

function busy(site: Site, hold: Hold, nowMs: number): BusyError {
  const left = Math.max(1, Math.ceil((hold.expiresAtMs - nowMs) / 1_000));
  const since = hold.since ?? 'an unknown time';
  return new BusyError(
    `Release ${site.namespace}/${site.release} has been locked by ${hold.holder} since ${since}. Retry later, or cancel that call with DELETE /${site.release}/operations/current; if it was killed, the release is free in ${left} s.`,
    { details: { outcome: 'busy', holder: hold.holder, since: hold.since }, headers: { 'Retry-After': String(left) } },
  );
}

function lost(site: Site, why: string): BusyError {
  return new BusyError(
    `Stopped working on release ${site.namespace}/${site.release}: ${why}. The next call resumes the work.`,
    { details: { outcome: 'busy' } },
  );
}

function createKeeper(deps: ReleaseDeps, site: Site, holder: string, first: KubeObject, acquiredAt: Date) {
  const { cluster, launch } = deps;
  let lease = first;
  let renewedAtMs = acquiredAt.getTime();
  let checkedAtMs = renewedAtMs;
  let isCancelAccepted = false;

  function assertHeld(found: KubeObject | null): void {
    const hold = found === null ? null : readHold(found);
    if (found === null || hold?.holder !== holder) throw lost(site, `its Lease is held by ${hold?.holder ?? 'nobody'}`);
    const by = found.metadata.annotations?.[CANCELLED_BY];
    if (by !== undefined && !isCancelAccepted)
      throw new CancelledError(`Cancelled by ${by}.`, { details: { outcome: 'cancelled' } });
  }

  async function check(): Promise<void> {
    const now = launch.now().getTime();
    if (now - checkedAtMs < CHECK_AFTER_MS) return;
    assertHeld(await cluster.getObject(leaseRef(site), { signal: site.signal }));
    checkedAtMs = now;
  }

  async function renew(): Promise<void> {
    const now = launch.now();
    const renewed = await settle(
      cluster.replaceObject(buildLease(site, holder, now, acquiredAt, lease), { signal: site.signal }),
    );
    if (renewed !== 'open' && renewed !== 'conflict') {
      lease = renewed;
      renewedAtMs = now.getTime();
      return;
    }
    const found = await cluster.getObject(leaseRef(site), { signal: site.signal });
    assertHeld(found);
    if (found === null) return;
    lease = found;
    renewedAtMs = Math.max(renewedAtMs, (readHold(found)?.expiresAtMs ?? 0) - LEASE_SEC * 1_000);
  }

  async function drop({ metadata }: KubeObject, options: CallOptions): Promise<'deleted' | 'absent'> {
    const { uid, resourceVersion } = metadata;
    if (uid === undefined || resourceVersion === undefined) return 'absent';
    return cluster.deleteObject(leaseRef(site), { uid, resourceVersion, ...options });
  }

  return {
    ensureLock: async (): Promise<void> => {
      try {
        await check();
        if (launch.now().getTime() - renewedAtMs < RENEW_AFTER_MS) return;
        await renew();
      } catch (error) {
        if (!isAmbiguous(error)) throw error;
      }
      const leftMs = renewedAtMs + LEASE_SEC * 1_000 - launch.now().getTime();
      if (leftMs < LEAST_LEFT_MS) throw lost(site, 'its Lease could not be renewed in time');
    },
    /** From now on the call may write again, to record its state. */
    acceptCancel: (): void => {
      isCancelAccepted = true;
    },
    release: async (): Promise<void> => {
      // Not the call's signal, which may have fired already.
      const options = { signal: AbortSignal.timeout(RELEASE_WITHIN_MS) };
      try {
        if ((await drop(lease, options)) === 'deleted') return;
        // A renewal whose answer was lost has changed the resourceVersion.
        const found = await cluster.getObject(leaseRef(site), options);
        if (found !== null && readHold(found)?.holder === holder) await drop(found, options);
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        await giveUp(cluster, buildLease(site, '', launch.now(), acquiredAt, lease), options);
      }
    },
  };
}

/** For a role that may not delete Leases: clears the holder. If that fails too, the Lease expires. */
async function giveUp(cluster: Objects, lease: KubeObject, options: CallOptions): Promise<void> {
  try {
    await cluster.replaceObject(lease, options);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
  }
}

/**
 * Cancels the call that holds the release's Lease: marks the Lease, and waits until the call has stopped and released it,
 * or until the Lease of a killed call has expired. Returns the holder. Throws NotFoundError if no call is running.
 */
export async function cancelHolder(deps: ReleaseDeps, site: Site, by: string): Promise<string> {
  const { cluster, launch } = deps;
  const { signal } = site;
  let marked: string | undefined;
  for (;;) {
    const lease = await leaseOf(deps, site);
    const hold = lease === null ? null : readHold(lease);
    const isFree = lease === null || hold === null || hold.expiresAtMs <= launch.now().getTime();
    if (marked !== undefined && (isFree || hold.holder !== marked)) return marked;
    if (isFree) throw new NotFoundError(`No call is running on release ${site.namespace}/${site.release}.`);
    if (lease.metadata.annotations?.[CANCELLED_BY] === undefined) {
      const { name, namespace, labels = {}, resourceVersion } = lease.metadata;
      const annotations = { [CANCELLED_BY]: by };
      const metadata = {
        name,
        namespace: namespace ?? site.namespace,
        labels,
        annotations,
        ...(resourceVersion !== undefined && { resourceVersion }),
      };
      await settle(
        cluster.replaceObject(
          { apiVersion: lease.apiVersion, kind: lease.kind, metadata, spec: lease['spec'] },
          { signal },
        ),
      );
    }
    marked ??= hold.holder;
    await launch.wait(CANCEL_POLL_MS, signal);
  }
}

/** The release's Lease, if there is one. */
export async function leaseOf(deps: ReleaseDeps, site: Site): Promise<KubeObject | null> {
  return deps.cluster.getObject(leaseRef(site), { signal: site.signal });
}
