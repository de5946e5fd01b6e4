import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { ServerOptions } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { stringify } from 'yaml';
import { createClusterAccess } from '../../src/cluster/access.ts';
import { createCluster } from '../../src/cluster/kubernetes.ts';
import { UnavailableError, UpstreamError } from '../../src/errors.ts';
import { type Certificate, newCertificate } from './certificates.ts';
import { answerJson, answerStatus, type SeenRequest, startScripted } from './scripted-server.ts';

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
    { name: 'nobody', context: { cluster: 'one' } },
  ],
  clusters: [
    { name: 'one', cluster },
    { name: 'two', cluster: { server: 'https://two.example' } },
  ],
  users: [{ name: 'me', user }],
});

const open = (
  config: object | string,
  { context, folder = newFolder() }: { context?: string; folder?: string } = {},
) => {
  const path = join(folder, 'config');
  writeFileSync(path, typeof config === 'string' ? config : stringify(config));
  return createClusterAccess({ kind: 'kubeconfig', path, ...(context !== undefined && { context }) });
};

const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** A Kubernetes API that accepts the requests for which `isAllowed`. */
const startApi = (tls?: ServerOptions, isAllowed: (request: SeenRequest) => boolean = () => true) =>
  startScripted((request, response) => {
    if (isAllowed(request)) answerJson(response, 200, { metadata: { name: 'job' } });
    else answerStatus(response, 401, 'Unauthorized', 'Unauthorized');
  }, tls);

const bearer =
  (token: string) =>
  ({ headers }: SeenRequest): boolean =>
    headers.authorization === `Bearer ${token}`;

/** A server that accepts only clients with a certificate of `client`. */
const requireClient = (server: Certificate, client: Certificate): ServerOptions => ({
  ...server,
  ca: client.cert,
  requestCert: true,
  rejectUnauthorized: true,
});

/** Writes an exec plugin that runs `script`, and returns its command. */
const writePlugin = (folder: string, script: string): string => {
  const path = join(folder, 'plugin');
  writeFileSync(path, `#!/bin/sh\necho run >> ${join(folder, 'runs')}\n${script}\n`, { mode: 0o755 });
  return path;
};

const exec = (command: string) => ({
  exec: { apiVersion: 'client.authentication.k8s.io/v1', command, interactiveMode: 'Never' },
});

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
    const access = open(buildConfig({ server: 'https://one.example' }, { token: 'secret' }), { context: 'b' });
    await expect(access.endpoint()).resolves.toEqual({ server: 'https://two.example' });
  });

  test('finds its files beside itself', async () => {
    const folder = newFolder();
    mkdirSync(join(folder, 'pki'));
    for (const name of ['ca', 'cert', 'key']) writeFileSync(join(folder, 'pki', name), `${name}-pem`);
    const cluster = {
      server: 'https://one.example',
      'certificate-authority': 'pki/ca',
      'tls-server-name': 'kubernetes',
    };
    const user = { 'client-certificate': 'pki/cert', 'client-key': join(folder, 'pki', 'key') };
    const access = open(buildConfig(cluster, user), { folder });
    await expect(access.endpoint()).resolves.toEqual({
      server: 'https://one.example',
      caPem: 'ca-pem',
      clientCertPem: 'cert-pem',
      clientKeyPem: 'key-pem',
      tlsServerName: 'kubernetes',
    });
    await expect(access.token()).resolves.toBeUndefined();
  });

  test('that changed on disk is read again on a forced refresh', async () => {
    const folder = newFolder();
    const access = open(buildConfig({ server: 'https://one.example' }, { token: 'first' }), { folder });
    await expect(access.token()).resolves.toBe('first');
    open(buildConfig({ server: 'https://one.example' }, { token: 'second' }), { folder });
    await expect(access.token()).resolves.toBe('first');
    await expect(access.token({ forceRefresh: true })).resolves.toBe('second');
  });

  test('may have plain http, no TLS verification, and no user', async () => {
    const http = open(buildConfig({ server: 'http://127.0.0.1:8080' }, {}));
    await expect(http.endpoint()).resolves.toEqual({ server: 'http://127.0.0.1:8080' });
    const insecure = open(buildConfig({ server: 'https://one.example', 'insecure-skip-tls-verify': true }, {}));
    await expect(insecure.endpoint()).resolves.toEqual({ server: 'https://one.example', skipTlsVerify: true });
    const nobody = open(
      buildConfig({ server: 'https://one.example', 'certificate-authority-data': base64('ca') }, {}),
      {
        context: 'nobody',
      },
    );
    await expect(nobody.token()).resolves.toBeUndefined();
    await expect(nobody.endpoint()).resolves.toEqual({ server: 'https://one.example', caPem: 'ca' });
  });
});

describe('a request with the credentials of a kubeconfig', () => {
  test.each(['data', 'files'] as const)('client certificate (%s)', async (form) => {
    const [server, client, folder] = [await newCertificate(), await newCertificate(), newFolder()];
    const api = await startApi(requireClient(server, client));
    writeFileSync(join(folder, 'cert.pem'), client.cert);
    writeFileSync(join(folder, 'key.pem'), client.key);
    const cluster = { server: api.url, 'certificate-authority-data': base64(server.cert) };
    const user =
      form === 'data'
        ? { 'client-certificate-data': base64(client.cert), 'client-key-data': base64(client.key) }
        : { 'client-certificate': 'cert.pem', 'client-key': 'key.pem' };
    await expect(
      createCluster(open(buildConfig(cluster, user), { folder })).getJob('ns', 'job'),
    ).resolves.not.toBeNull();
    expect(api.requests[0]?.headers.authorization).toBeUndefined();
    const without = createCluster(open(buildConfig(cluster, {})), { maxRequests: 1 });
    await expect(without.getJob('ns', 'job')).rejects.toThrow(UnavailableError);
  });

  test('token', async () => {
    const api = await startApi(undefined, bearer('secret'));
    const cluster = createCluster(open(buildConfig({ server: api.url }, { token: 'secret' })));
    await expect(cluster.getJob('ns', 'job')).resolves.not.toBeNull();
  });

  test('token file: has precedence over a token, and is read again when the API server rejects its token', async () => {
    const folder = newFolder();
    let valid = 'first';
    const api = await startApi(undefined, (request) => bearer(valid)(request));
    writeFileSync(join(folder, 'token'), 'first\n');
    const user = { token: 'old', tokenFile: 'token' };
    const cluster = createCluster(open(buildConfig({ server: api.url }, user), { folder }));
    await expect(cluster.getJob('ns', 'job')).resolves.not.toBeNull();
    valid = 'second';
    writeFileSync(join(folder, 'token'), 'second\n');
    await expect(cluster.getJob('ns', 'job')).resolves.not.toBeNull();
    expect(api.requests.map(({ headers }) => headers.authorization)).toEqual([
      'Bearer first',
      'Bearer first',
      'Bearer second',
    ]);
  });

  test('exec plugin with a token: runs once for many requests, and again when the API server rejects its token', async () => {
    const folder = newFolder();
    const runs = `$(wc -l < ${join(folder, 'runs')} | tr -d ' ')`;
    const command = writePlugin(folder, `echo '{"kind":"ExecCredential","status":{"token":"'"${runs}"'"}}'`);
    let valid = '1';
    const api = await startApi(undefined, (request) => bearer(valid)(request));
    const cluster = createCluster(open(buildConfig({ server: api.url }, exec(command)), { folder }));
    await Promise.all([cluster.getJob('ns', 'job'), cluster.getJob('ns', 'job')]);
    await cluster.getJob('ns', 'job');
    valid = '2';
    await Promise.all([cluster.getJob('ns', 'job'), cluster.getJob('ns', 'job')]);
    expect(new Set(api.requests.map(({ headers }) => headers.authorization))).toEqual(
      new Set(['Bearer 1', 'Bearer 2']),
    );
  });

  test('exec plugin with a client certificate', async () => {
    const [server, client, folder] = [await newCertificate(), await newCertificate(), newFolder()];
    const api = await startApi(requireClient(server, client));
    const status = { clientCertificateData: client.cert, clientKeyData: client.key };
    writeFileSync(join(folder, 'credential.json'), JSON.stringify({ kind: 'ExecCredential', status }));
    const command = writePlugin(folder, `cat ${join(folder, 'credential.json')}`);
    const cluster = { server: api.url, 'certificate-authority-data': base64(server.cert) };
    const access = open(buildConfig(cluster, exec(command)), { folder });
    await expect(createCluster(access).getJob('ns', 'job')).resolves.not.toBeNull();
  });

  test('insecure-skip-tls-verify', async () => {
    const api = await startApi(await newCertificate());
    const strict = createCluster(open(buildConfig({ server: api.url }, {})), { maxRequests: 1 });
    await expect(strict.getJob('ns', 'job')).rejects.toThrow(/self-signed/);
    const lax = open(buildConfig({ server: api.url, 'insecure-skip-tls-verify': true }, {}));
    await expect(createCluster(lax).getJob('ns', 'job')).resolves.not.toBeNull();
  });

  test('tls-server-name', async () => {
    const certificate = await newCertificate('kubernetes.example');
    const api = await startApi(certificate);
    const cluster = { server: api.url, 'certificate-authority-data': base64(certificate.cert) };
    const byAddress = createCluster(open(buildConfig(cluster, {})), { maxRequests: 1 });
    await expect(byAddress.getJob('ns', 'job')).rejects.toThrow(/ERR_TLS_CERT_ALTNAME_INVALID|altnames/);
    const byName = open(buildConfig({ ...cluster, 'tls-server-name': 'kubernetes.example' }, {}));
    await expect(createCluster(byName).getJob('ns', 'job')).resolves.not.toBeNull();
  });
});

describe('an exec plugin that fails is named, and its output is not repeated', () => {
  test.each([
    [
      'exits with an error',
      'echo "log in first" >&2\nexit 1',
      UnavailableError,
      /plugin of the kubeconfig .* failed: log in first/,
    ],
    ['prints no JSON', 'echo top-secret', UnavailableError, /its output is not an ExecCredential/],
    ['prints another object', `echo '{"token":"top-secret"}'`, UnavailableError, /its output is not an ExecCredential/],
  ])('%s', async (_name, script, type, message) => {
    const folder = newFolder();
    const access = open(buildConfig({ server: 'https://one.example' }, exec(writePlugin(folder, script))), { folder });
    const refused = access.token();
    await expect(refused).rejects.toThrow(type);
    await expect(refused).rejects.toThrow(message);
    await expect(refused).rejects.not.toThrow(/top-secret/);
  });

  test('does not exist', async () => {
    const access = open(buildConfig({ server: 'https://one.example' }, exec('/nowhere/plugin')));
    await expect(access.token()).rejects.toThrow(UpstreamError);
    await expect(access.token()).rejects.toThrow(
      /exec plugin \/nowhere\/plugin, which could not be started \(ENOENT\)/,
    );
  });
});

describe('a kubeconfig that cannot be used is refused at the start', () => {
  const server = { server: 'https://one.example' };
  test.each<[string, object | string, RegExp]>([
    ['password', buildConfig(server, { username: 'me', password: 'pw' }), /user name and password/],
    ['impersonation', buildConfig(server, { as: 'other' }), /impersonation/],
    ['proxy', buildConfig({ ...server, 'proxy-url': 'http://proxy' }, {}), /proxy-url/],
    ['no URL', buildConfig({ server: 'one.example' }, {}), /"one\.example".*https:/],
    ['no such file', buildConfig({ ...server, 'certificate-authority': 'nowhere' }, {}), /nowhere.*ENOENT/],
    ['no such token file', buildConfig(server, { tokenFile: 'nowhere' }), /nowhere.*ENOENT/],
    ['no context', { ...buildConfig(server, {}), 'current-context': '' }, /no current-context/],
    ['no such context', { ...buildConfig(server, {}), 'current-context': 'c' }, /no context "c"; it has: a, b, nobody/],
    ['no such cluster', { ...buildConfig(server, {}), clusters: [] }, /no cluster "one"; it has: none/],
    ['no such user', { ...buildConfig(server, {}), users: null }, /no user "me"/],
    ['a cluster without server', buildConfig({}, {}), /is not valid: clusters\[0\]\.cluster\.server is missing/],
    ['another shape', 'clusters: 7', /no current-context/],
    ['no object', 'top-secret', /no current-context|is not a kubeconfig/],
    ['empty', '', /is not valid YAML/],
    ['no YAML', 'token: "top-secret\n  : [', /is not valid YAML/],
  ])('%s', (_name, config, message) => {
    const refused = (): unknown => open(config);
    expect(refused).toThrow(UpstreamError);
    expect(refused).toThrow(message);
    expect(refused).not.toThrow(/top-secret|pw/);
  });

  test('a configured context that does not exist', () => {
    expect(() => open(buildConfig(server, {}), { context: 'c' })).toThrow(/no context "c"; it has: a, b, nobody/);
  });

  test('no such file', () => {
    expect(() => createClusterAccess({ kind: 'kubeconfig', path: '/nowhere/config' })).toThrow(
      /\/nowhere\/config could not be read \(ENOENT\)/,
    );
  });
});
