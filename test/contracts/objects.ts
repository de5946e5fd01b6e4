import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { KubeObject, ObjectRef, Objects } from '../../src/cluster/release-port.ts';

/** Objects under test, with the actions of other programs. */
export interface ObjectsWorld {
  readonly objects: Objects;
  /** An empty namespace for this suite only. */
  readonly namespace: string;
  /** Whether a Kubernetes API is behind it, which validates requests. */
  readonly isApi: boolean;
  /** Creates or updates an object as another field manager. */
  putAs(manager: string, object: KubeObject): Promise<void>;
  close(): Promise<void>;
}

/** The contract of the port `Objects`. Services and ConfigMaps represent all kinds. */
export const objectsContract = (name: string, setup: () => Promise<ObjectsWorld>): void => {
  describe(`${name}`, { timeout: 30_000 }, () => {
    let world: ObjectsWorld;
    beforeAll(async () => {
      world = await setup();
    }, 60_000);
    afterAll(async () => world?.close(), 30_000);

    const ref = (kind: string, object: string): ObjectRef => ({
      apiVersion: 'v1',
      kind,
      namespace: world.namespace,
      name: object,
    });
    const map = (object: string, data: Record<string, string>, labels: Record<string, string> = {}): KubeObject => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: object, namespace: world.namespace, labels },
      data,
    });
    const service = (object: string, spec: Record<string, unknown> = {}): KubeObject => ({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: object, namespace: world.namespace },
      spec: {
        selector: { app: object },
        ports: [{ name: 'rest', port: 80, targetPort: 'rest', protocol: 'TCP' }],
        ...spec,
      },
    });
    const apply = async (object: KubeObject, options = {}): Promise<KubeObject> => {
      const applied = await world.objects.applyObject(object, options);
      if (applied.kind !== 'applied') throw new Error(JSON.stringify(applied));
      return applied.object;
    };
    const dataOf = (object: KubeObject | null): unknown => object?.['data'];

    test('an absent object is null', async () => {
      expect(await world.objects.getObject(ref('ConfigMap', 'absent'))).toBeNull();
    });

    test('an apply creates, then changes, then changes nothing', async () => {
      const first = await world.objects.applyObject(map('applied', { a: '1' }));
      expect(first).toMatchObject({
        kind: 'applied',
        created: true,
        object: { kind: 'ConfigMap', metadata: { uid: expect.any(String) } },
      });
      const second = await world.objects.applyObject(map('applied', { a: '2' }));
      expect(second).toMatchObject({ kind: 'applied', created: false, object: { data: { a: '2' } } });
      const before = await world.objects.getObject(ref('ConfigMap', 'applied'));
      const third = await apply(map('applied', { a: '2' }));
      expect(third.metadata.resourceVersion).toBe(before?.metadata.resourceVersion);
    });

    test('a field that is no longer applied is removed; that of another manager stays', async () => {
      await apply(map('dropped', { ours: '1', old: '1' }));
      await world.putAs('somebody', map('dropped', { theirs: '1' }));
      await apply(map('dropped', { ours: '1' }));
      expect(dataOf(await world.objects.getObject(ref('ConfigMap', 'dropped')))).toEqual({ ours: '1', theirs: '1' });
    });

    test('a dry run returns the object with its defaults, and stores nothing', async () => {
      const dry = await apply(service('dry'), { dryRun: true });
      expect(dry).toMatchObject({ spec: { clusterIP: expect.stringMatching(/./) } });
      expect(await world.objects.getObject(ref('Service', 'dry'))).toBeNull();
      await apply(map('dry-change', { a: '1' }));
      expect(dataOf(await apply(map('dry-change', { a: '2' }), { dryRun: true }))).toEqual({ a: '2' });
      expect(dataOf(await world.objects.getObject(ref('ConfigMap', 'dry-change')))).toEqual({ a: '1' });
    });

    test('a field of another manager is a conflict that names both; force takes it over', async () => {
      await world.putAs('somebody', map('contested', { a: 'theirs' }));
      expect(await world.objects.applyObject(map('contested', { a: 'ours' }))).toEqual({
        kind: 'conflict',
        conflicts: [{ field: 'data.a', manager: 'somebody' }],
      });
      expect(dataOf(await apply(map('contested', { a: 'ours' }), { force: true }))).toEqual({ a: 'ours' });
      expect(dataOf(await apply(map('contested', {}))) ?? {}).toEqual({});
    });

    test('fields whose ownership was transferred are removed by the next apply', async () => {
      await world.putAs('helm', map('moved', { kept: '1', left: '1' }));
      const found = await world.objects.getObject(ref('ConfigMap', 'moved'));
      if (found === null) throw new Error('absent');
      const [helm] = (found.metadata.managedFields ?? []).filter(({ manager }) => manager === 'helm');
      if (helm === undefined) throw new Error('no manager');
      const ours = { ...helm, manager: 'tensorio-trigger', operation: 'Apply' as const };
      expect(await world.objects.replaceManagedFields(found, [ours])).toMatchObject({ metadata: { name: 'moved' } });
      expect(await world.objects.replaceManagedFields(found, [ours])).toBe('conflict');
      expect(dataOf(await apply(map('moved', { kept: '1' })))).toEqual({ kept: '1' });
    });

    test('a change of an immutable field is refused as immutable, and the field is named', async () => {
      await apply(service('fixed'));
      const refused = await world.objects.applyObject(service('fixed', { clusterIP: '10.0.0.250' }));
      expect(refused).toMatchObject({ kind: 'refused', immutable: true });
      expect(JSON.stringify(refused)).toMatch(/spec\.clusterIP/);
    });

    test('an unknown field, a wrong type and a wrong value are refused, and named', async (context) => {
      if (!world.isApi) return context.skip('fields are not checked in memory');
      const faults: readonly (readonly [Record<string, unknown>, RegExp])[] = [
        [{ selectr: {} }, /spec\.selectr|selectr/],
        [{ ports: 'many' }, /ports/],
        [{ ports: [{ name: 'rest', port: 99_999, protocol: 'TCP' }] }, /spec\.ports\[0\]\.port/],
      ];
      for (const [spec, expected] of faults) {
        const refused = await world.objects.applyObject(service('faulty', spec), { dryRun: true });
        expect(refused).toMatchObject({ kind: 'refused', immutable: false });
        expect(JSON.stringify(refused)).toMatch(expected);
      }
      expect(await world.objects.getObject(ref('Service', 'faulty'))).toBeNull();
    });

    test('a kind that the cluster does not serve has no objects, and cannot be applied', async (context) => {
      if (!world.isApi) return context.skip('every kind is served in memory');
      const mapping = { apiVersion: 'getambassador.io/v3alpha1', kind: 'Mapping', namespace: world.namespace };
      expect(await world.objects.getObject({ ...mapping, name: 'x' })).toBeNull();
      expect(await world.objects.listObjects(mapping, 'a=b')).toEqual([]);
      const { namespace, ...type } = mapping;
      const refused = await world.objects.applyObject({ ...type, metadata: { name: 'x', namespace }, spec: {} });
      expect(refused).toMatchObject({ kind: 'refused', issues: [{ path: 'kind' }] });
    });

    test('a list contains the objects that match the selector, with their kind', async () => {
      await apply(map('list-1', {}, { list: 'yes' }));
      await apply(map('list-2', {}, { list: 'yes', more: 'yes' }));
      await apply(map('list-3', {}));
      const listed = await world.objects.listObjects(
        { apiVersion: 'v1', kind: 'ConfigMap', namespace: world.namespace },
        'list=yes',
      );
      expect(
        listed.map(({ apiVersion, kind, metadata }) => `${apiVersion} ${kind} ${metadata.name}`).toSorted(),
      ).toEqual(['v1 ConfigMap list-1', 'v1 ConfigMap list-2']);
    });

    test('a create of an existing object returns exists; a replace applies to one version only', async () => {
      const made = await world.objects.createObject(map('versioned', { a: '1' }));
      if (made === 'exists') throw new Error('exists');
      expect(await world.objects.createObject(map('versioned', { a: '2' }))).toBe('exists');
      const next = { ...made, data: { a: '2' } };
      expect(await world.objects.replaceObject(next)).toMatchObject({ data: { a: '2' } });
      expect(await world.objects.replaceObject(next)).toBe('conflict');
      const gone = map('never-there', { a: '1' });
      const versioned = {
        ...gone,
        metadata: { ...gone.metadata, resourceVersion: made.metadata.resourceVersion ?? '' },
      };
      expect(await world.objects.replaceObject(versioned)).toBe('conflict');
    });

    test('one of ten concurrent creates succeeds', async () => {
      const outcomes = await Promise.all(
        Array.from({ length: 10 }, () => world.objects.createObject(map('raced', {}))),
      );
      expect(outcomes.filter((outcome) => outcome !== 'exists')).toHaveLength(1);
    });

    test('a Lease keeps its times to the microsecond', async () => {
      const time = '2026-01-02T03:04:05.678000Z';
      const lease: KubeObject = {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { name: 'lease', namespace: world.namespace },
        spec: { holderIdentity: 'me', leaseDurationSeconds: 60, acquireTime: time, renewTime: time },
      };
      expect(await world.objects.createObject(lease)).toMatchObject({ spec: { renewTime: time } });
    });

    test('a delete applies to one uid only, and to one version if it is given', async () => {
      const { metadata } = await apply(map('deleted', {}));
      const target = ref('ConfigMap', 'deleted');
      const uid = metadata.uid ?? '';
      expect(await world.objects.deleteObject(target, { uid: 'of-another' })).toBe('absent');
      expect(await world.objects.deleteObject(target, { uid, resourceVersion: '1' })).toBe('absent');
      expect(await world.objects.getObject(target)).not.toBeNull();
      expect(await world.objects.deleteObject(target, { uid })).toBe('deleted');
      expect(await world.objects.getObject(target)).toBeNull();
      expect(await world.objects.deleteObject(target, { uid })).toBe('absent');
    });
  });
};
