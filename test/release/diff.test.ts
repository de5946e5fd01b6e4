import { expect, test } from 'vitest';
import fc from 'fast-check';
import type { KubeObject } from '../../src/cluster/release-port.ts';
import { diffObject, redact, unifiedText } from '../../src/release/diff.ts';

const object = (spec: unknown, metadata: Partial<KubeObject['metadata']> = {}): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'd', ...metadata },
  spec,
});

test('what the API server keeps for itself is no difference', () => {
  const before = object({ a: 1 }, { resourceVersion: '1', generation: 1, uid: 'u', managedFields: [] });
  const after = { ...object({ a: 1 }, { resourceVersion: '2', generation: 2 }), status: { replicas: 1 } };
  expect(diffObject(before, after)).toBeNull();
});

test('named entries are compared by name, wherever they stand', () => {
  const env = (...names: string[]) => ({ env: names.map((name) => ({ name, value: name })) });
  expect(diffObject(object(env('A', 'B')), object(env('B', 'A')))).toBeNull();
  expect(diffObject(object(env('A', 'B')), object(env('A', 'C')))?.changes).toEqual([
    { path: 'spec.env.B', before: { name: 'B', value: 'B' } },
    { path: 'spec.env.C', after: { name: 'C', value: 'C' } },
  ]);
});

test('a created object is added whole, a deleted one removed whole', () => {
  const created = diffObject(null, object({ a: 1 }));
  expect(created?.unified).toContain('--- /dev/null\n+++ release/Deployment/d\n');
  expect(created?.unified).toContain('+spec:\n+  a: 1\n');
  expect(diffObject(object({ a: 1 }), null)?.unified).toContain('-spec:\n-  a: 1\n');
  expect(diffObject(null, null)).toBeNull();
});

test('the address that a dry run allocated for a new Service is not shown: the apply allocates another', () => {
  const service = (spec: object): KubeObject => ({ ...object(spec), apiVersion: 'v1', kind: 'Service' });
  const drawn = diffObject(null, service({ type: 'ClusterIP', clusterIP: '10.0.0.2', clusterIPs: ['10.0.0.2'] }));
  expect(drawn?.unified).toContain('+  type: ClusterIP\n');
  expect(drawn?.unified).not.toContain('10.0.0.2');
  expect(diffObject(null, service({ clusterIP: 'None' }))?.unified).toContain('+  clusterIP: None\n');
});

test('no difference is reported as no changes', () => {
  expect(unifiedText([])).toBe('no changes\n');
});

test('a secret in plain text is hidden, in the fields and in the text; that it changed is not', () => {
  const env = (value: string) =>
    object({
      env: [
        { name: 'MODELS_TOKEN', value },
        { name: 'BACKEND', value: 'gcs' },
      ],
    });
  const diff = diffObject(env('one-secret'), env('two-secret'));
  expect(JSON.stringify(diff)).not.toContain('secret');
  expect(diff?.changes).toEqual([{ path: 'spec.env.MODELS_TOKEN.value', before: '(hidden)', after: '(hidden)' }]);
  expect(redact({ name: 'AUTH_TOKENS_FILE', value: '/etc/tokens/x' })).toEqual({
    name: 'AUTH_TOKENS_FILE',
    value: '/etc/tokens/x',
  });
});

test('an object has no difference with itself', () => {
  const check = (): void =>
    fc.assert(
      fc.property(fc.jsonValue(), (value) => diffObject(object(value), object(structuredClone(value))) === null),
    );
  expect(check).not.toThrow();
});
