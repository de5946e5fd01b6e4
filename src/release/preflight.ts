import type { V1KeyToPath, V1PodSpec } from '@kubernetes/client-node';
import type { KubeObject } from '../cluster/release-port.ts';
import { assertSecrets } from '../jobs/secrets.ts';
import { requiredSecrets } from '../jobs/secrets.ts';
import type { CheckSecret } from '../jobs/secrets.ts';
import { InvalidReleaseError, OwnedByOtherError } from './errors.ts';
import { helmRemoval, ownerOf } from './ownership.ts';
import type { Owner } from './ownership.ts';
import { podSpecsOf } from './readiness.ts';
import { itemKey } from './records.ts';
import type { Pointer } from './records.ts';
import type { LiveObjects } from './apply.ts';
import type { ReleaseDeps, Site } from './request.ts';

export interface PreflightInput {
  readonly objects: readonly KubeObject[];
  readonly checkSecrets: readonly CheckSecret[];
  /** The pod of the aggregation that is launched with the release. */
  readonly aggregator?: { readonly podSpec: V1PodSpec; readonly namespace: string } | undefined;
}

/** The objects among `live` that have another owner. Throws OwnedByOtherError unless they may be adopted. */
export function foreignObjects(
  live: LiveObjects,
  release: string,
  { adopt, pointer }: { readonly adopt: boolean; readonly pointer: Pointer | null },
): KubeObject[] {
  const recorded = new Set(pointer?.inventory.map(itemKey));
  const foreign = [...live].flatMap(([key, object]) => {
    const owner = object === null ? null : ownerOf(object, release, recorded.has(key));
    return object === null || owner === null || owner.kind === 'ours' ? [] : [{ object, owner }];
  });
  const refused = foreign.filter(({ owner }) => !adopt || owner.kind === 'other-release');
  if (refused.length === 0) return foreign.map(({ object }) => object);
  const objects = refused.map(({ object, owner }) => ({
    kind: object.kind,
    name: object.metadata.name,
    owner: describeOwner(owner),
  }));
  throw new OwnedByOtherError(
    `Not deployed: ${objects.map(({ kind, name, owner }) => `${kind} ${name} ${owner}`).join('; ')}.`,
    { details: { outcome: 'owned-by-other', objects } },
  );
}

function describeOwner(owner: Exclude<Owner, { kind: 'ours' }>): string {
  switch (owner.kind) {
    case 'other-release':
      return `belongs to release "${owner.release}" of this service`;
    case 'left':
      return 'has the label of this release, which has no record of it; take it over with ?adopt=true';
    case 'helm':
      return `belongs to helm's release "${owner.release}"; take it over with ?adopt=true`;
    case 'other':
      return `was created by others (managers: ${owner.who}); take it over with ?adopt=true`;
  }
}

/** Notes on removing helm's records after an adoption. */
export function helmNotes(objects: readonly KubeObject[], release: string): string[] {
  const notes = objects.flatMap((object) => {
    const owner = ownerOf(object, release, true);
    return owner.kind === 'helm' ? [helmRemoval(owner.release, owner.namespace)] : [];
  });
  return [...new Set(notes)];
}

/**
 * Checks the namespace, the Secrets and their keys without writing. Throws InvalidReleaseError for the namespace and
 * PreflightError with every missing Secret and key and the commands that create them.
 */
export async function preflight(deps: ReleaseDeps, site: Site, input: PreflightInput): Promise<void> {
  await assertNamespace(deps, site);
  const specs = [
    ...input.objects.flatMap(podSpecsOf).map(withFileKeys),
    ...(input.aggregator === undefined ? [] : [input.aggregator.podSpec]),
  ];
  const required = requiredSecrets(site.namespace, specs, input.checkSecrets);
  await assertSecrets(deps.cluster, required, site.signal);
}

/**
 * The pod with the keys that it reads from a Secret which is mounted as a whole: those whose path is the value of an
 * environment variable. Without such a key the kubelet starts the container and the process fails.
 */
function withFileKeys(pod: V1PodSpec): V1PodSpec {
  const copy = structuredClone(pod);
  for (const { name, secret } of copy.volumes ?? []) {
    if (secret !== undefined) secret.items ??= fileKeys(pod, name);
  }
  return copy;
}

function fileKeys({ containers }: V1PodSpec, volume: string): V1KeyToPath[] {
  return containers.flatMap(({ env = [], volumeMounts = [] }) =>
    volumeMounts.flatMap(({ name, mountPath }) => {
      if (name !== volume) return [];
      const folder = mountPath === '/' ? '/' : `${mountPath}/`;
      return env.flatMap(({ value = '' }) => {
        const key = value.startsWith(folder) ? value.slice(folder.length) : '';
        return key === '' || key.includes('/') ? [] : [{ key, path: key }];
      });
    }),
  );
}

async function assertNamespace({ cluster }: ReleaseDeps, { namespace, signal }: Site): Promise<void> {
  const found = await cluster.getObject(
    { apiVersion: 'v1', kind: 'Namespace', namespace, name: namespace },
    { signal },
  );
  if (found !== null && found.metadata.deletionTimestamp === undefined) return;
  const message =
    found === null
      ? `namespace "${namespace}" does not exist; kubectl create namespace ${namespace}`
      : `namespace "${namespace}" is being deleted`;
  throw new InvalidReleaseError([{ path: 'namespace', message }]);
}
