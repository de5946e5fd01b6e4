import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { json, makeFolder, serve, tio } from './harness.ts';

const tokenOf = (name: string, expiresInSec = 3600): string => {
  const claims = { name, exp: Math.floor(Date.now() / 1000) + expiresInSec };
  return `x.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.x`;
};

/** A function at an address for which tokens are asked; it reaches this machine. */
const serveRemote = async () => {
  const { port, requests } = await serve((_request, res) => json(res, 200, { runs: [] }));
  return { url: `http://0.0.0.0:${port}`, tokens: () => requests.map(({ headers }) => headers.authorization) };
};

const serveMetadata = async (token: string) => {
  const { port, requests } = await serve(
    (_request, res) => void res.writeHead(200, { 'metadata-flavor': 'Google' }).end(token),
  );
  return { requests, env: { GCE_METADATA_HOST: `127.0.0.1:${port}`, METADATA_SERVER_DETECTION: 'assume-present' } };
};

/** A folder with a `gcloud` that prints a token and notes each call. */
const makeGcloud = (token: string) => {
  const folder = makeFolder();
  const calls = join(folder, 'calls');
  writeFileSync(join(folder, 'gcloud'), `#!/bin/sh\necho "$*" >> "${calls}"\necho ${token}\n`);
  chmodSync(join(folder, 'gcloud'), 0o755);
  return { folder, calls: () => readFileSync(calls, 'utf8').trim().split('\n') };
};

test('--token wins over TIO_TOKEN, and both over everything else', async () => {
  const { url, tokens } = await serveRemote();
  const { env } = await serveMetadata(tokenOf('metadata'));
  const variables = { TIO_AGGREGATE_URL: url, TIO_TOKEN: 'variable', ...env };
  await tio(['get', 'runs'], { env: variables });
  await tio(['get', 'runs', '--token', 'flag'], { env: variables });
  expect(tokens()).toEqual(['Bearer variable', 'Bearer flag']);
});

test('the metadata server comes before gcloud, and is asked for the audience', async () => {
  const { url, tokens } = await serveRemote();
  const token = tokenOf('metadata');
  const { env, requests } = await serveMetadata(token);
  const result = await tio(['get', 'runs'], { env: { TIO_AGGREGATE_URL: url, PATH: makeGcloud('x').folder, ...env } });
  expect(result).toMatchObject({ code: 0 });
  expect(tokens()).toEqual([`Bearer ${token}`]);
  expect(requests.at(-1)?.query.get('audience')).toBe(new URL(url).origin);
});

test('gcloud is the last source; its token is kept until it expires', async () => {
  const { url, tokens } = await serveRemote();
  const token = tokenOf('gcloud');
  const gcloud = makeGcloud(token);
  const env = { TIO_AGGREGATE_URL: url, PATH: `${gcloud.folder}:/bin:/usr/bin`, TIO_CONFIG_DIR: makeFolder() };
  for (let i = 0; i < 2; i += 1) expect(await tio(['get', 'runs'], { env })).toMatchObject({ code: 0 });
  expect(tokens()).toEqual([`Bearer ${token}`, `Bearer ${token}`]);
  expect(gcloud.calls()).toEqual(['auth print-identity-token']);
});

test('a kept token that is about to expire is not used', async () => {
  const { url } = await serveRemote();
  const gcloud = makeGcloud(tokenOf('gcloud', 30));
  const env = { TIO_AGGREGATE_URL: url, PATH: `${gcloud.folder}:/bin:/usr/bin`, TIO_CONFIG_DIR: makeFolder() };
  for (let i = 0; i < 2; i += 1) await tio(['get', 'runs'], { env });
  expect(gcloud.calls()).toHaveLength(2);
});

test('an impersonated account is asked for by its name', async () => {
  const { url } = await serveRemote();
  const gcloud = makeGcloud(tokenOf('impersonated'));
  const env = { TIO_AGGREGATE_URL: url, PATH: `${gcloud.folder}:/bin:/usr/bin` };
  const account = 'ci@p.iam.gserviceaccount.com';
  await tio(['get', 'runs', '--impersonate-service-account', account], { env });
  expect(gcloud.calls()[0]).toBe(
    `auth print-identity-token --impersonate-service-account=${account} --audiences=${new URL(url).origin} --include-email`,
  );
});

test('a failure says which sources were tried', async () => {
  const { url } = await serveRemote();
  const result = await tio(['get', 'runs'], { env: { TIO_AGGREGATE_URL: url } });
  expect(result.code).toBe(5);
  for (const source of [
    '--token, TIO_TOKEN: not given',
    'application default credentials: ',
    'gcloud auth print-identity-token: ',
  ])
    expect(result.stderr).toContain(source);
});

test('a function on this machine is called without a token', async () => {
  const { env, requests } = await serve((_request, res) => json(res, 200, { runs: [] }));
  expect(await tio(['get', 'runs'], { env })).toMatchObject({ code: 0 });
  expect(requests[0]?.headers.authorization).toBeUndefined();
});

test('contexts are set, listed and chosen; the environment wins over them', async () => {
  const [one, two] = [
    await serve((_request, res) => json(res, 200, { runs: [{ aggregationId: 'of-one' }] })),
    await serve((_request, res) => json(res, 200, { runs: [{ aggregationId: 'of-two' }] })),
  ];
  const env = { TIO_CONFIG_DIR: makeFolder() };
  const names = async (args: readonly string[] = [], over = {}) =>
    (await tio(['get', 'runs', '-o', 'name', ...args], { env: { ...env, ...over } })).stdout;
  await tio(['config', 'set', 'one', '--aggregate', one.url], { env });
  await tio(['config', 'set', 'two', '--aggregate', two.url], { env });
  expect(await names()).toBe('of-two\n');
  expect(await names(['--context', 'one'])).toBe('of-one\n');
  expect(await tio(['config', 'use', 'one'], { env })).toMatchObject({ code: 0, stdout: 'Current context: one\n' });
  expect(await names()).toBe('of-one\n');
  expect(await names([], { TIO_AGGREGATE_URL: two.url })).toBe('of-two\n');
  expect((await tio(['config', 'list'], { env })).stdout).toBe(
    `* one  aggregate=${one.url}\n  two  aggregate=${two.url}\n`,
  );
  expect(await tio(['config', 'use', 'three'], { env })).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('Contexts: one, two'),
  });
  expect(await tio(['config', 'set', 'bad', '--aggregate', 'ftp://x'], { env })).toMatchObject({ code: 2 });
  expect(await names()).toBe('of-one\n');
});
