import { describe, expect, test } from 'vitest';
import { UnavailableError, UpstreamError } from '../../src/errors.ts';
import { startGcs } from '../../infra/local/gcs/server.ts';
import { createGcsObjectStore } from '../../src/storage/gcs.ts';
import { parseError, translateFailure, translateRefusal } from '../../src/storage/gcs-errors.ts';
import { mediaHeaders, startCannedServer } from './canned-server.ts';

const uri = { bucket: 'state', name: 'runs/a.json' };
const read = { verb: 'read', uri } as const;
const refuse = (verb: 'read' | 'write' | 'list', status: number, message: string) =>
  translateRefusal({ verb, uri }, { status, message });

describe('the error for a refusal', () => {
  test('403 names the account, the missing permission and the bucket', () => {
    const said = 'agg@p.iam.gserviceaccount.com does not have storage.objects.create access to the object.';
    const error = refuse('write', 403, said);
    expect(error).toBeInstanceOf(UpstreamError);
    expect(error.message).toContain('Could not write gs://state/runs/a.json: Cloud Storage answered 403');
    expect(error.message).toContain('Grant agg@p.iam.gserviceaccount.com storage.objects.create on gs://state');
    expect(error.details).toMatchObject({ upstreamStatus: 403, permission: 'storage.objects.create' });
  });

  test('403 without a message names the permission that the call needs', () => {
    expect(refuse('list', 403, '').message).toContain('storage.objects.list on gs://state');
    expect(refuse('read', 403, '').message).toContain('an absent object is answered with 403 too');
  });

  test('404 names the missing bucket', () => {
    expect(refuse('list', 404, 'The specified bucket does not exist.').message).toBe(
      'Could not list gs://state/runs/a.json: Cloud Storage answered 404: The specified bucket does not exist. The bucket gs://state does not exist, or its name is misspelt.',
    );
  });

  test('401 names what to check', () => {
    expect(refuse('read', 401, 'Invalid Credentials').message).toContain('the service account is enabled');
  });

  test('401 without credentials contains the command that creates them', () => {
    const said = 'Anonymous caller does not have storage.objects.get access to the Google Cloud Storage object.';
    expect(refuse('read', 401, said).message).toContain('gcloud auth application-default login');
  });

  test.each([408, 429, 500, 502, 503, 504])('%i is temporary', (status) => {
    expect(refuse('read', status, '')).toBeInstanceOf(UnavailableError);
  });

  test.each([
    [{ error: { message: 'as JSON' } }, 'as JSON'],
    ['{"error":{"message":"as text of JSON"}}', 'as text of JSON'],
    ['<html><body>as  HTML</body></html>', 'as HTML'],
    [{ error: 'invalid_grant' }, 'invalid_grant'],
    [undefined, ''],
    ['', ''],
  ])('the message of %j is "%s"', (body, message) => {
    expect(parseError(body).message).toBe(message);
  });
});

describe('the error for a failure', () => {
  test.each([
    'Could not load the default credentials. Browse to ...',
    'Unable to read the credential file specified by the GOOGLE_APPLICATION_CREDENTIALS environment variable: ...',
    'invalid_grant',
  ])('without credentials (%s): contains the command that creates them', (message) => {
    const error = translateFailure(read, new Error(message));
    expect(error).toBeInstanceOf(UpstreamError);
    expect(error.message).toContain('gcloud auth application-default login');
  });

  test('the cause is kept, and its code is not that of the error', async () => {
    const store = createGcsObjectStore({ apiEndpoint: 'http://127.0.0.1:1', timeoutMs: 5_000 });
    const error: unknown = await store.read(uri).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'UnavailableError', code: 'unavailable', cause: { code: 'ECONNREFUSED' } });
  });
});

describe('a refusal that is not a missing permission', () => {
  const jsonError = (code: number, reason: string, message: string) =>
    JSON.stringify({ error: { code, message, errors: [{ domain: 'global', reason, message }] } });

  test.each<[string, number, string, string, RegExp]>([
    [
      'retention policy',
      403,
      'retentionPolicyNotMet',
      "Object 'state/runs/a.json' is subject to bucket's retention policy and cannot be deleted or overwritten until 2027-01-01T00:00:00Z",
      /retention policy keeps.*gcloud storage buckets update gs:\/\/state --clear-retention-period/,
    ],
    [
      'hold',
      403,
      'objectUnderActiveHold',
      "Object 'state/runs/a.json' is under active Event-Based hold and cannot be deleted, overwritten or archived until hold is removed.",
      /hold keeps.*gcloud storage objects update gs:\/\/state\/runs\/a\.json --no-temporary-hold/,
    ],
    [
      'VPC Service Controls',
      403,
      'vpcServiceControls',
      "Request is prohibited by organization's policy. vpcServiceControlsUniqueIdentifier: x7fe",
      /VPC Service Controls block the request.*perimeter/,
    ],
    [
      'billing',
      403,
      'accountDisabled',
      'The billing account for the owning project is disabled in state absent',
      /Billing is disabled for the project of gs:\/\/state/,
    ],
    [
      'Requester Pays',
      400,
      'userProjectMissing',
      'Bucket is a requester pays bucket but no user project provided.',
      /Requester Pays.*--no-requester-pays/,
    ],
    [
      'API disabled',
      403,
      'accessNotConfigured',
      'Cloud Storage JSON API has not been used in project 1 before or it is disabled.',
      /gcloud services enable storage\.googleapis\.com/,
    ],
    [
      'customer-supplied key',
      400,
      'resourceIsEncryptedWithCustomerEncryptionKey',
      'The target object is encrypted by a customer-supplied encryption key.',
      /encrypted with a key that this service cannot use/,
    ],
  ])('is named as what it is: %s', async (_name, status, reason, message, expected) => {
    const server = await startCannedServer((_, response) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(jsonError(status, reason, message));
    });
    const store = createGcsObjectStore({ apiEndpoint: server.url });
    for (const call of [store.write(uri, 'text', { ifGenerationMatch: '0' }), store.read(uri)]) {
      const error: unknown = await call.catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(UpstreamError);
      expect(error).toMatchObject({ message: expect.stringMatching(expected) });
      expect(String(error)).toContain(message.slice(0, 40));
      expect(String(error)).not.toContain('Grant ');
    }
    expect(server.requests).toHaveLength(2);
    // The body of a refused download may be plain text.
    expect(refuse('read', status, message).message).toMatch(expected);
  });

  test.each([
    [403, 'rateLimitExceeded'],
    [403, 'userRateLimitExceeded'],
    [403, 'usageLimits.rateLimitExceeded'],
    [403, 'quotaExceeded'],
    [429, 'rateLimitExceeded'],
  ])('a rate limit (%i %s) is retried', async (status, reason) => {
    const message = 'The object exceeded the rate limit for object mutation operations.';
    const server = await startCannedServer((_, response, index) => {
      const info = { name: 'n', generation: '9', size: '4', timeCreated: '2026-01-01T00:00:00Z', crc32c: 'AAAAAA==' };
      const [code, body] = index === 0 ? [status, jsonError(status, reason, message)] : [200, JSON.stringify(info)];
      response.writeHead(code, { 'content-type': 'application/json' }).end(body);
    });
    const store = createGcsObjectStore({ apiEndpoint: server.url });
    await expect(store.write(uri, 'text', { ifGenerationMatch: '0' })).resolves.toMatchObject({ generation: '9' });
    expect(server.requests).toHaveLength(2);
  });

  test.each([
    ['gzip, with Cache-Control no-transform', { 'content-encoding': 'gzip', 'x-goog-stored-content-encoding': 'gzip' }],
    ['br', { 'content-encoding': 'br', 'x-goog-stored-content-encoding': 'br' }],
    ['another encoding', { 'x-goog-stored-content-encoding': 'compress' }],
  ])('an object that is delivered encoded is refused, not returned encoded: %s', async (_name, encoding) => {
    const headers = { ...mediaHeaders('encoded', 'AAAAAA=='), ...encoding };
    const server = await startCannedServer((_, response) => void response.writeHead(200, headers).end('encoded'));
    const store = createGcsObjectStore({ apiEndpoint: server.url });
    for (const call of [store.read(uri), store.stream(uri)]) {
      const error: unknown = await call.catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(UpstreamError);
      expect(String(error)).toMatch(/stored with Content-Encoding (gzip|br|compress).*Upload it again without/);
    }
    expect(server.requests).toHaveLength(2);
  });
});

describe('a bucket that does not exist', () => {
  test('is an error of every call, not an absent object', async () => {
    const server = await startGcs({});
    const store = createGcsObjectStore({ apiEndpoint: server.url });
    await expect(store.read(uri)).rejects.toThrow(/The bucket gs:\/\/state does not exist/);
    await expect(store.stream(uri)).rejects.toThrow(/The bucket gs:\/\/state does not exist/);
    await expect(store.list({ bucket: 'state' })).rejects.toThrow(/The bucket gs:\/\/state does not exist/);
    await expect(store.write(uri, '', { ifGenerationMatch: '0' })).rejects.toThrow(
      /bucket gs:\/\/state does not exist/,
    );
    await server.close();
  });

  test('is recognised in a JSON response to a download too', async () => {
    const body = '{"error":{"code":404,"message":"The specified bucket does not exist."}}';
    const server = await startCannedServer((_, response) => {
      response.writeHead(404, { 'content-type': 'application/json' }).end(body);
    });
    const store = createGcsObjectStore({ apiEndpoint: server.url });
    await expect(store.read(uri)).rejects.toThrow(/The bucket gs:\/\/state does not exist/);
  });
});
