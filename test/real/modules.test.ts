import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { MODULE_FOLDER, pinnedVersion } from './assets.ts';
import { buildGoMod, isConsistent, isVersion, parseRequired, parseStaging } from './modules.ts';

const KUBERNETES_GO_MOD = `module k8s.io/kubernetes

go 1.24.0

godebug default=go1.24

require (
	go.etcd.io/etcd/server/v3 v3.5.21 // indirect
	k8s.io/api v0.0.0
)

replace (
	k8s.io/api => ./staging/src/k8s.io/api
	k8s.io/client-go => ./staging/src/k8s.io/client-go
)
`;

test('the committed go.mod follows from its version of Kubernetes', () => {
  expect(isConsistent(readFileSync(join(MODULE_FOLDER, 'go.mod'), 'utf8'))).toBe(true);
  expect(isVersion(pinnedVersion())).toBe(true);
});

describe('a go.mod for another version', () => {
  const goMod = buildGoMod('v1.33.13', KUBERNETES_GO_MOD);

  test('replaces each staging module by its published version', () => {
    expect(parseStaging(KUBERNETES_GO_MOD)).toEqual(['k8s.io/api', 'k8s.io/client-go']);
    expect(goMod).toContain('\tk8s.io/client-go => k8s.io/client-go v0.33.13\n');
    expect(isConsistent(goMod)).toBe(true);
  });

  test('takes the etcd, the Go and the defaults that version is tested with', () => {
    expect(parseRequired(goMod, 'go.etcd.io/etcd/server/v3')).toBe('v3.5.21');
    expect(goMod).toContain('\ngo 1.24.0\n\ngodebug default=go1.24\n');
  });

  test('no longer fits when only its version line is changed', () => {
    expect(isConsistent(goMod.replace('kubernetes v1.33.13', 'kubernetes v1.34.0'))).toBe(false);
  });
});

test.each([
  ['v1.36.3', true],
  ['1.36.3', false],
  ['v1.36', false],
  ['v2.0.0', false],
  ['v1.36.0-rc.1', false],
])('%s is a release: %s', (version, expected) => {
  expect(isVersion(version)).toBe(expected);
});
