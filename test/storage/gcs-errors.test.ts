import { describe, expect, test } from 'vitest';
import { UnavailableError, UpstreamError } from '../../src/errors.ts';
import { startGcs } from '../../infra/local/gcs/server.ts';
import { createGcsObjectStore } from '../../src/storage/gcs.ts';
import { parseErrorMessage, translateFailure, translateRefusal } from '../../src/storage/gcs-errors.ts';
import { startCannedServer } from './canned-server.ts';

const uri = { bucket: 'state', name: 'runs/a.json' };
const read = { verb: 'read', uri } as const;
const refuse = (verb: 'read' | 'write' | 'list', status: number, message: string) =>
  translateRefusal({ verb, uri }, { status, message });

describe('what a refusal says', () => {
  test('403 names who lacks which permission on which bucket', () => {
    const said = 'agg@p.iam.gserviceaccount.com does not have storage.objects.create access to the object.';
    const error = refuse('write', 403, said);
    expect(error).toBeInstanceOf(UpstreamError);
    expect(error.message).toContain('Could not write gs://state/runs/a.json: Cloud Storage answered 403');
    expect(error.message).toContain('Grant agg@p.iam.gserviceaccount.com storage.objects.create on gs://state');
    expect(error.details).toMatchObject({ upstreamStatus: 403, permission: 'storage.objects.create' });
  });

  test('403 without words names the permission that the call needs', () => {
    expect(refuse('list', 403, '').message).toContain('storage.objects.list on gs://state');
    expect(refuse('read', 403, '').message).toContain('an absent object is answered with 403 too');
  });

  test('404 says that the bucket is not there', () => {
    expect(refuse('list', 404, 'The specified bucket does not exist.').message).toBe(
      'Could not list gs://state/runs/a.json: Cloud Storage answered 404: The specified bucket does not exist. The bucket gs://state does not exist, or its name is misspelt.',
    );
  });

  test('401 says what to check', () => {
    expect(refuse('read', 401, 'Invalid Credentials').message).toContain('the service account is enabled');
  });

  test('401 to a caller without credentials says how to get them', () => {
    const said = 'Anonymous caller does not have storage.objects.get access to the Google Cloud Storage object.';
    expect(refuse('read', 401, said).message).toContain('gcloud auth application-default login');
  });

  test.each([408, 429, 500, 502, 503, 504])('%i may pass', (status) => {
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
    expect(parseErrorMessage(body)).toBe(message);
  });
});

describe('what a failure says', () => {
  test.each([
    'Could not load the default credentials. Browse to ...',
    'Unable to read the credential file specified by the GOOGLE_APPLICATION_CREDENTIALS environment variable: ...',
    'invalid_grant',
  ])('without credentials (%s): how to get them', (message) => {
    const error = translateFailure(read, new Error(message));
    expect(error).toBeInstanceOf(UpstreamError);
    expect(error.message).toContain('gcloud auth application-default login');
  });

  test('the cause is kept and its code is not on our error', async () => {
    const store = createGcsObjectStore({ apiEndpoint: 'http://127.0.0.1:1', timeoutMs: 5_000 });
    const error: unknown = await store.read(uri).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'UnavailableError', code: 'unavailable', cause: { code: 'ECONNREFUSED' } });
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

  test('is told from a JSON answer to a download as well', async () => {
    const body = '{"error":{"code":404,"message":"The specified bucket does not exist."}}';
    const server = await startCannedServer((_, response) => {
      response.writeHead(404, { 'content-type': 'application/json' }).end(body);
    });
    const store = createGcsObjectStore({ apiEndpoint: server.url });
    await expect(store.read(uri)).rejects.toThrow(/The bucket gs:\/\/state does not exist/);
  });
});
