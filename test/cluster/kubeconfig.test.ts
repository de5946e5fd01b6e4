import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { stringify } from 'yaml';
import { createClusterAccess } from '../../src/cluster/gke.ts';
import { UpstreamError } from '../../src/errors.ts';

const newFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'tensorio-kubeconfig-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
};

const buildConfig = (cluster: object, user: object): object => ({
  apiVersion: 'v1',
  kind: 'Config',
  'current-context': 'a',
  contexts: [
    { name: 'a', context: { cluster: 'one', user: 'me', namespace: 'ns' } },
    { name: 'b', context: { cluster: 'two', user: 'me' } },
    { name: 'nobody', context: { cluster: 'two' } },
  ],
  clusters: [
    { name: 'one', cluster },
    { name: 'two', cluster: { server: 'https://two.example' } },
  ],
  users: [{ name: 'me', user }],
});

const open = (config: object | string, context?: string, folder = newFolder()) => {
  const path = join(folder, 'config');
  writeFileSync(path, typeof config === 'string' ? config : stringify(config));
  return createClusterAccess({ kind: 'kubeconfig', path, ...(context !== undefined && { context }) });
};

const base64 = (text: string): string => Buffer.from(text).toString('base64');

describe('a kubeconfig', () => {
  test('gives server, CA and token of its current context', async () => {
    const access = open(
      buildConfig(
        { server: 'https://one.example:6443/', 'certificate-authority-data': base64('ca') },
        { token: 'secret' },
      ),
    );
    await expect(access.endpoint()).resolves.toEqual({ server: 'https://one.example:6443', caPem: 'ca' });
    await expect(access.token()).resolves.toBe('secret');
  });

  test('gives those of another context by name', async () => {
    const access = open(buildConfig({ server: 'https://one.example' }, { token: 'secret' }), 'b');
    await expect(access.endpoint()).resolves.toEqual({ server: 'https://two.example' });
  });

  test('finds its files beside itself', async () => {
    const folder = newFolder();
    mkdirSync(join(folder, 'pki'));
    for (const name of ['ca', 'cert', 'key']) writeFileSync(join(folder, 'pki', name), `${name}-pem`);
    const access = open(
      buildConfig(
        { server: 'https://one.example', 'certificate-authority': 'pki/ca', 'tls-server-name': 'kubernetes' },
        { 'client-certificate': 'pki/cert', 'client-key': join(folder, 'pki', 'key') },
      ),
      undefined,
      folder,
    );
    await expect(access.endpoint()).resolves.toEqual({
      server: 'https://one.example',
      caPem: 'ca-pem',
      clientCertPem: 'cert-pem',
      clientKeyPem: 'key-pem',
      tlsServerName: 'kubernetes',
    });
    await expect(access.token()).resolves.toBeUndefined();
  });

  test('has a token file read each time, before a token', async () => {
    const folder = newFolder();
    writeFileSync(join(folder, 'token'), 'first\n');
    const access = open(
      buildConfig({ server: 'https://one.example' }, { token: 'old', tokenFile: 'token' }),
      undefined,
      folder,
    );
    await expect(access.token()).resolves.toBe('first');
    writeFileSync(join(folder, 'token'), 'second\n');
    await expect(access.token()).resolves.toBe('second');
  });

  test('that changed on disk is read again on a forced refresh', async () => {
    const folder = newFolder();
    const access = open(buildConfig({ server: 'https://one.example' }, { token: 'first' }), undefined, folder);
    await expect(access.token()).resolves.toBe('first');
    open(buildConfig({ server: 'https://one.example' }, { token: 'second' }), undefined, folder);
    await expect(access.token()).resolves.toBe('first');
    await expect(access.token({ forceRefresh: true })).resolves.toBe('second');
  });

  test('may have plain http, no TLS verification, and no user', async () => {
    const http = open(buildConfig({ server: 'http://127.0.0.1:8080' }, {}));
    await expect(http.endpoint()).resolves.toEqual({ server: 'http://127.0.0.1:8080' });
    const insecure = open(buildConfig({ server: 'https://one.example', 'insecure-skip-tls-verify': true }, {}));
    await expect(insecure.endpoint()).resolves.toEqual({ server: 'https://one.example', skipTlsVerify: true });
    await expect(open(buildConfig({ server: 'https://one.example' }, {}), 'nobody').token()).resolves.toBeUndefined();
  });
});

describe('a kubeconfig that cannot be used says why', () => {
  const server = { server: 'https://one.example' };
  test.each<[string, object | string, RegExp]>([
    ['exec plugin', buildConfig(server, { exec: { command: 'gke-gcloud-auth-plugin' } }), /user "me".*exec plugin/],
    ['auth provider', buildConfig(server, { 'auth-provider': { name: 'gcp' } }), /auth-provider/],
    ['password', buildConfig(server, { username: 'me', password: 'pw' }), /user name and password/],
    ['impersonation', buildConfig(server, { as: 'other' }), /impersonation/],
    ['proxy', buildConfig({ ...server, 'proxy-url': 'http://proxy' }, {}), /proxy-url/],
    ['no URL', buildConfig({ server: 'one.example' }, {}), /"one\.example".*https:/],
    ['no such file', buildConfig({ ...server, 'certificate-authority': 'nowhere' }, {}), /nowhere.*ENOENT/],
    ['no context', { ...buildConfig(server, {}), 'current-context': '' }, /no current-context/],
    ['no such context', { ...buildConfig(server, {}), 'current-context': 'c' }, /no context "c"; it has: a, b, nobody/],
    ['no such cluster', { ...buildConfig(server, {}), clusters: [] }, /no cluster "one"; it has: none/],
    ['no such user', { ...buildConfig(server, {}), users: null }, /no user "me"/],
    ['another shape', 'clusters: 7', /is not as it should be/],
    ['no YAML', 'token: "top-secret\n  : [', /is not valid YAML/],
  ])('%s', async (_name, config, message) => {
    const refused = open(config).endpoint();
    await expect(refused).rejects.toThrow(UpstreamError);
    await expect(refused).rejects.toThrow(message);
    await expect(refused).rejects.not.toThrow(/top-secret|pw/);
  });

  test('no such file', async () => {
    const access = createClusterAccess({ kind: 'kubeconfig', path: '/nowhere/config' });
    await expect(access.endpoint()).rejects.toThrow(/\/nowhere\/config could not be read \(ENOENT\)/);
  });
});
