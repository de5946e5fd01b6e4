import { createPublicKey, verify } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GoogleAuth } from 'google-auth-library';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { startGoogle } from '../google.ts';
import type { GoogleOptions } from '../google.ts';

const EMAIL = 'trigger@test-project.iam.gserviceaccount.com';
const CLUSTER = 'projects/test-project/locations/europe-west1/clusters/main';
const SCOPES = ['https://www.googleapis.com/auth/cloud-platform', 'https://www.googleapis.com/auth/userinfo.email'];

// The library looks for credentials in the environment and in gcloud's folder first: neither may decide these tests.
let emptyFolder: string;

async function start(options: Partial<GoogleOptions> = {}) {
  const clusters = { [CLUSTER]: { name: 'main', endpoint: '127.0.0.1' } };
  const google = await startGoogle({
    email: EMAIL,
    projectId: 'test-project',
    uniqueId: '123456789012345678901',
    clusters,
    ...options,
  });
  onTestFinished(() => google.close());
  vi.stubEnv('GCE_METADATA_HOST', google.metadataHost);
  return google;
}

function metadata(host: string, path: string, headers: Record<string, string> = { 'Metadata-Flavor': 'Google' }) {
  return fetch(`http://${host}/computeMetadata/v1${path}`, { headers });
}

beforeEach(() => {
  emptyFolder = mkdtempSync(join(tmpdir(), 'google-test-'));
  for (const name of ['HOME', 'CLOUDSDK_CONFIG', 'APPDATA']) vi.stubEnv(name, emptyFolder);
  for (const name of [
    'GOOGLE_APPLICATION_CREDENTIALS',
    'GOOGLE_CLOUD_PROJECT',
    'GCLOUD_PROJECT',
    'GCE_METADATA_IP',
    'K_SERVICE',
  ]) {
    vi.stubEnv(name, undefined);
  }
  vi.stubEnv('METADATA_SERVER_DETECTION', 'assume-present');
  // Without retries the library gives up on a ping after 3 seconds, which a busy machine may need.
  vi.stubEnv('DETECT_GCP_RETRIES', '20');
  // Unless it is set, the library runs the gcloud command for it, where there is one.
  vi.stubEnv('GOOGLE_CLOUD_PROJECT', 'test-project');
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(emptyFolder, { recursive: true, force: true });
});

describe('google-auth-library on the local metadata server', () => {
  test.each(['assume-present', 'ping-only'])('finds its credentials with detection %s', async (detection) => {
    vi.stubEnv('METADATA_SERVER_DETECTION', detection);
    vi.stubEnv('GOOGLE_CLOUD_PROJECT', undefined);
    const google = await start();
    const auth = new GoogleAuth({ scopes: SCOPES });
    const token = await auth.getAccessToken();
    expect(google.issuedTokens()).toEqual(new Set([token]));
    expect(google.userOf(String(token))).toBe(EMAIL);
    expect(google.requests()).toContain(
      `GET /computeMetadata/v1/instance/service-accounts/default/token?scopes=${SCOPES.map(encodeURIComponent).join('%2C')}`,
    );
    expect(await auth.getProjectId()).toBe('test-project');
    expect((await auth.getCredentials()).client_email).toBe(EMAIL);
    expect(await auth.getUniverseDomain()).toBe('googleapis.com');
  });

  test('a token without the userinfo.email scope stands for the numeric id', async () => {
    const google = await start();
    const token = await new GoogleAuth({ scopes: SCOPES.slice(0, 1) }).getAccessToken();
    expect(google.userOf(String(token))).toBe('123456789012345678901');
  });

  test('clusters.get answers a token of this server', async () => {
    const google = await start();
    const client = await new GoogleAuth({ scopes: SCOPES }).getClient();
    const answer = await client.request({ url: `${google.gkeApiUrl}/v1/${CLUSTER}` });
    expect(answer.data).toEqual({ name: 'main', endpoint: '127.0.0.1' });
  });

  test('after a revocation a client with forceRefreshOnFailure is refused once, fetches a new token and succeeds', async () => {
    const google = await start();
    const auth = new GoogleAuth({ scopes: SCOPES, clientOptions: { forceRefreshOnFailure: true } });
    const client = await auth.getClient();
    const before = await auth.getAccessToken();
    google.revokeAll();
    expect(google.userOf(String(before))).toBeNull();
    const answer = await client.request({ url: `${google.gkeApiUrl}/v1/${CLUSTER}` });
    expect(answer.status).toBe(200);
    expect(await auth.getAccessToken()).not.toBe(before);
  });

  test('an ID token names the audience and is signed by the published key', async () => {
    const google = await start();
    const client = await new GoogleAuth().getIdTokenClient('https://run.example/aggregate');
    const header = (await client.getRequestHeaders()).get('authorization') ?? '';
    const [head = '', body = '', signature = ''] = header.replace('Bearer ', '').split('.');
    expect(JSON.parse(Buffer.from(body, 'base64url').toString())).toMatchObject({
      aud: 'https://run.example/aggregate',
      email: EMAIL,
    });
    const certs = (await (await fetch(`${google.gkeApiUrl}/oauth2/v3/certs`)).json()) as {
      keys: [Record<string, string>];
    };
    const key = createPublicKey({ key: { ...certs.keys[0] }, format: 'jwk' });
    expect(verify('sha256', Buffer.from(`${head}.${body}`), key, Buffer.from(signature, 'base64url'))).toBe(true);
  });

  test('while down, no token is had; afterwards one is', async () => {
    const google = await start();
    google.setDown(true);
    await expect(metadata(google.metadataHost, '/instance/service-accounts/default/token')).rejects.toThrow();
    google.setDown(false);
    expect((await metadata(google.metadataHost, '/instance/service-accounts/default/token')).status).toBe(200);
  });
});

describe('the metadata server', () => {
  test.each([
    [{}],
    [{ 'Metadata-Flavor': 'google' }],
    [{ 'Metadata-Flavor': 'Google', 'X-Forwarded-For': '10.0.0.1' }],
  ])('refuses a request with headers %j and still names its flavour', async (headers) => {
    const google = await start();
    const answer = await metadata(google.metadataHost, '/project/project-id', headers);
    expect([answer.status, answer.headers.get('metadata-flavor')]).toEqual([403, 'Google']);
  });

  test('serves one token per set of scopes until a twelfth of its life is left', async () => {
    let nowMs = 0;
    const google = await start({ now: () => nowMs, tokenLifetimeSec: 1200 });
    async function ask(scopes: string) {
      return (await (
        await metadata(google.metadataHost, `/instance/service-accounts/${EMAIL}/token?scopes=${scopes}`)
      ).json()) as {
        access_token: string;
        expires_in: number;
      };
    }
    const first = await ask('a,b');
    nowMs = 1_000_000;
    expect(await ask('b,a')).toMatchObject({ access_token: first.access_token, expires_in: 200 });
    expect((await ask('a')).access_token).not.toBe(first.access_token);
    nowMs = 1_110_000;
    expect((await ask('a,b')).access_token).not.toBe(first.access_token);
    nowMs = 1_200_000;
    expect(google.issuedTokens().has(first.access_token)).toBe(false);
  });

  test.each(['/instance/service-accounts/other@x/token', '/instance/attributes/cluster-name'])(
    'has no %s',
    async (path) => {
      const google = await start();
      expect((await metadata(google.metadataHost, path)).status).toBe(404);
    },
  );

  test('asks for an audience', async () => {
    const google = await start();
    expect((await metadata(google.metadataHost, '/instance/service-accounts/default/identity')).status).toBe(400);
  });
});

describe('clusters.get', () => {
  async function get(google: { gkeApiUrl: string; metadataHost: string }, path: string, scopes = SCOPES.join(',')) {
    const answer = await metadata(google.metadataHost, `/instance/service-accounts/default/token?scopes=${scopes}`);
    const { access_token: token } = (await answer.json()) as { access_token: string };
    return fetch(`${google.gkeApiUrl}${path}`, { headers: { authorization: `Bearer ${token}` } });
  }

  test('is 401 without a token and with an unknown one', async () => {
    const google = await start();
    for (const headers of [{}, { authorization: 'Bearer stranger' }]) {
      const answer = await fetch(`${google.gkeApiUrl}/v1/${CLUSTER}`, { headers });
      expect(answer.status).toBe(401);
      expect(await answer.json()).toMatchObject({ error: { code: 401, status: 'UNAUTHENTICATED' } });
    }
  });

  test.each([
    [
      'another cluster of the project',
      '/v1/projects/test-project/locations/europe-west1/clusters/other',
      404,
      'NOT_FOUND',
    ],
    [
      'a cluster of another project',
      '/v1/projects/stranger/locations/europe-west1/clusters/main',
      403,
      'PERMISSION_DENIED',
    ],
    ['another method', '/v1/projects/test-project/locations/europe-west1/clusters', 501, 'UNIMPLEMENTED'],
  ])('%s is answered in the shape of a Google error', async (_, path, code, status) => {
    const answer = await get(await start(), path);
    expect(answer.status).toBe(code);
    expect(await answer.json()).toMatchObject({ error: { code, status } });
  });

  test('needs the cloud-platform scope', async () => {
    const answer = await get(await start(), `/v1/${CLUSTER}`, 'https://www.googleapis.com/auth/userinfo.email');
    expect(answer.status).toBe(403);
  });
});
