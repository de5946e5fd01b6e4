import { expect } from 'vitest';
import type { KubeObject } from '../../src/cluster/release-port.ts';
import { comparable } from '../../src/release/diff.ts';
import { STATE_LABEL, readPointer, readRevision } from '../../src/release/records.ts';
import type { Pointer, Revision } from '../../src/release/records.ts';
import type { ReleaseWorld } from './world.ts';

export interface Records {
  readonly pointer: Pointer | undefined;
  readonly revisions: readonly Revision[];
  /** Services, Deployments and routes. */
  readonly workloads: readonly KubeObject[];
  readonly leases: readonly KubeObject[];
}

export const recordsOf = async (world: Pick<ReleaseWorld, 'objects'>): Promise<Records> => {
  const all = await world.objects();
  const maps = all.filter(({ kind }) => kind === 'ConfigMap');
  const of = (state: string): KubeObject[] => maps.filter(({ metadata }) => metadata.labels?.[STATE_LABEL] === state);
  return {
    pointer: of('release').map(readPointer)[0],
    revisions: of('revision')
      .map(readRevision)
      .toSorted((a, b) => a.revision - b.revision),
    workloads: all.filter(({ kind }) => kind !== 'ConfigMap' && kind !== 'Lease'),
    leases: all.filter(({ kind }) => kind === 'Lease'),
  };
};

const nameOf = ({ kind, name }: { kind: string; name: string }): string => `${kind}/${name}`;

/** What holds whenever no call is under way, however the calls before ended. */
export const expectConsistent = async (world: Pick<ReleaseWorld, 'objects'>): Promise<Records> => {
  const records = await recordsOf(world);
  const { pointer, revisions, workloads, leases } = records;
  expect(leases, 'no Lease is left').toEqual([]);
  expect(pointer?.pending ?? null, 'nothing is pending').toBeNull();
  expect(
    revisions.filter(({ status }) => status === 'pending'),
    'no revision is pending',
  ).toEqual([]);
  const current = revisions.find(({ revision }) => revision === pointer?.current);
  expect(current?.revision, 'the pointer’s revision is there').toBe(pointer?.current ?? undefined);
  const deployed = revisions.filter(({ status }) => status === 'deployed').map(({ revision }) => revision);
  expect(deployed, 'what runs is the one deployed revision').toEqual(current === undefined ? [] : [current.revision]);
  const wanted = (current?.objects ?? []).map(({ kind, metadata }) => nameOf({ kind, name: metadata.name })).toSorted();
  expect(
    workloads.map(({ kind, metadata }) => nameOf({ kind, name: metadata.name })).toSorted(),
    'the objects are those of the revision',
  ).toEqual(wanted);
  expect((pointer?.inventory ?? []).map(nameOf).toSorted(), 'the inventory knows them').toEqual(wanted);
  const uids = workloads.map(({ kind, metadata }) => `${kind}/${metadata.name} ${metadata.uid}`).toSorted();
  const known = (pointer?.inventory ?? []).map((item) => `${nameOf(item)} ${item.uid}`).toSorted();
  expect(known, 'and their uids').toEqual(uids);
  return records;
};

/** What the workloads are, whichever calls made them so. */
export const specsOf = ({ workloads }: Records): unknown[] =>
  workloads
    // Worlds have namespaces of their own.
    .map((object) => JSON.parse(JSON.stringify(object).replaceAll(object.metadata.namespace ?? '', 'NAMESPACE')))
    .map((object: KubeObject) => {
      const { metadata, ...rest } = comparable(object);
      const spec = JSON.parse(JSON.stringify(rest, (key, value) => (/^clusterIPs?$/.test(key) ? undefined : value)));
      const named =
        typeof metadata === 'object' && metadata !== null ? { ...metadata, namespace: undefined } : metadata;
      return { ...spec, metadata: named };
    })
    .toSorted((a, b) => (JSON.stringify(a.metadata) < JSON.stringify(b.metadata) ? -1 : 1));
