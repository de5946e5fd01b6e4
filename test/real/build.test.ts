import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

const newFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'tensorio-build-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
};

const build = (environment: Readonly<Record<string, string>>, ...args: string[]) => {
  const cache = newFolder();
  const ended = spawnSync(process.execPath, [join(import.meta.dirname, 'build.ts'), ...args], {
    encoding: 'utf8',
    env: { XDG_CACHE_HOME: cache, HOME: cache, PATH: '/nowhere', ...environment },
  });
  return { ...ended, cache };
};

/** A folder with a `go` that says it is of `version`. */
const fakeGo = (version: string): string => {
  const folder = newFolder();
  const script = `#!/bin/sh\ncase "$2" in GOVERSION) echo go${version};; GOTOOLCHAIN) echo local;; *) exit 9;; esac\n`;
  writeFileSync(join(folder, 'go'), script);
  chmodSync(join(folder, 'go'), 0o755);
  return folder;
};

const fill = (folder: string, ...names: string[]): string => {
  for (const name of names) writeFileSync(join(folder, name), '');
  return folder;
};

test('without Go, a sentence says what to do', () => {
  const { status, stdout, stderr } = build({});
  expect(status).toBe(1);
  expect(stdout).toBe('');
  expect(stderr).toMatch(/no "go" on the PATH.*https:\/\/go\.dev\/dl\/.*KUBEBUILDER_ASSETS/);
  expect(stderr.trim().split('\n')).toHaveLength(1);
});

test('with a Go that is too old, a sentence says which one it needs, and nothing is left', () => {
  const { status, stderr, cache } = build({ PATH: `${fakeGo('1.20.3')}:/bin:/usr/bin` });
  expect(status).toBe(1);
  expect(stderr).toMatch(/Go 1\.20\.3 is too old.*needs 1\.\d+/);
  expect(readdirSync(join(cache, 'tensorio-trigger', 'real'))).toEqual([]);
});

test('KUBEBUILDER_ASSETS is taken as it is, and nothing is built', () => {
  const assets = fill(newFolder(), 'etcd', 'kube-apiserver', 'kube-controller-manager');
  const { status, stdout } = build({ KUBEBUILDER_ASSETS: assets });
  expect(status).toBe(0);
  expect(stdout).toBe(`${assets}\n`);
});

test('KUBEBUILDER_ASSETS without all programs is refused, with the names of those missing', () => {
  const assets = fill(newFolder(), 'etcd');
  const { status, stderr } = build({ KUBEBUILDER_ASSETS: assets });
  expect(status).toBe(1);
  expect(stderr).toContain(
    `KUBEBUILDER_ASSETS is ${assets}, where kube-apiserver, kube-controller-manager cannot be found.`,
  );
});

test('a version that is none is refused', () => {
  const { status, stderr } = build({}, '--version', '1.33');
  expect(status).toBe(1);
  expect(stderr).toContain('"1.33" is not a Kubernetes release such as v1.36.3.');
});
