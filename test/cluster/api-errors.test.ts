import { ApiException } from '@kubernetes/client-node';
import { describe, expect, test } from 'vitest';
import {
  type Operation,
  isTransient,
  readRefusal,
  type Refusal,
  translateDeadline,
  translateFailure,
  translateRefusal,
} from '../../src/cluster/api-errors.ts';
import { DeadlineError, UnavailableError, UpstreamError } from '../../src/errors.ts';

const operation: Operation = { verb: 'create', resource: 'jobs', apiGroup: 'batch', namespace: 'ns', name: 'job' };
const refusal = (status: number, reason?: string, message?: string): Refusal => ({
  status,
  reason,
  message,
  retryAfterMs: undefined,
  isStatus: reason !== undefined,
});

describe('the error for a refusal', () => {
  test.each([
    [400, 'BadRequest', UpstreamError],
    [401, 'Unauthorized', UpstreamError],
    [403, 'Forbidden', UpstreamError],
    [404, 'NotFound', UpstreamError],
    [405, 'MethodNotAllowed', UpstreamError],
    [409, 'Conflict', UnavailableError],
    [409, 'AlreadyExists', UpstreamError],
    [415, 'UnsupportedMediaType', UpstreamError],
    [422, 'Invalid', UpstreamError],
    [429, 'TooManyRequests', UnavailableError],
    [500, 'InternalError', UnavailableError],
    [503, 'ServiceUnavailable', UnavailableError],
    [504, 'Timeout', UnavailableError],
  ])('%i %s', (status, reason, type) => {
    const error = translateRefusal(operation, refusal(status, reason, 'the message of the server'), 'the cluster');
    expect(error).toBeInstanceOf(type);
    expect(error.details['upstreamStatus']).toBe(status);
    expect(error.retryable).toBe(isTransient(refusal(status, reason)));
  });

  test('contains the verb, the object, the cluster and the response', () => {
    const error = translateRefusal(operation, refusal(422, 'Invalid', 'spec.x: Required value'), 'GKE cluster c');
    expect(error.message).toBe('Could not create jobs ns/job: GKE cluster c answered 422: spec.x: Required value');
  });

  test('a 401 names what to check', () => {
    expect(translateRefusal(operation, refusal(401), 'the cluster').message).toMatch(/token.*service account/);
  });
});

describe('a 403', () => {
  const forbidden = (user: string) =>
    translateRefusal(
      operation,
      refusal(
        403,
        'Forbidden',
        `jobs.batch is forbidden: User "${user}" cannot create resource "jobs" in API group "batch" in the namespace "ns"`,
      ),
      'the cluster',
    );

  test('names verb, resource, namespace and the user as the API server saw it', () => {
    const error = forbidden('aggregate@project.iam.gserviceaccount.com');
    expect(error.message).toContain(
      'user "aggregate@project.iam.gserviceaccount.com" may not create jobs (API group batch) in namespace ns',
    );
    expect(error.details).toMatchObject({
      verb: 'create',
      resource: 'jobs',
      namespace: 'ns',
      subject: 'aggregate@project.iam.gserviceaccount.com',
    });
    expect(error.message).not.toContain('userinfo.email');
  });

  test('explains a numeric user', () => {
    expect(forbidden('110000000000000000001').message).toContain('userinfo.email');
  });

  test('that is not about permissions repeats the message of the server', () => {
    const error = translateRefusal(
      operation,
      refusal(403, 'Forbidden', 'jobs.batch "job" is forbidden: exceeded quota: q'),
      'the cluster',
    );
    expect(error.message).toContain('exceeded quota: q');
    expect(error.details['subject']).toBeUndefined();
  });
});

describe('the parsed refusal', () => {
  const read = (body: unknown, headers: Record<string, string> = {}) =>
    readRefusal(new ApiException(500, 'x', body, headers));

  test('a Status object in the body', () => {
    expect(read('{"kind":"Status","reason":"R","message":"M"}')).toMatchObject({
      status: 500,
      isStatus: true,
      reason: 'R',
      message: 'M',
    });
  });

  test.each([['{"kind":"Secret","message":"M"}'], ['not JSON'], ['null'], ['[]'], [undefined], [Buffer.from('{}')]])(
    'nothing from another body: %j',
    (body) => {
      const nothing = { reason: undefined, message: undefined, retryAfterMs: undefined };
      expect(read(body)).toEqual({ status: 500, isStatus: false, ...nothing });
    },
  );

  test.each([
    ['3', 3_000],
    ['0', 0],
    ['Wed, 21 Oct 2026 07:28:00 GMT', undefined],
    ['-1', undefined],
  ])('Retry-After %s', (value, expected) => {
    expect(read('', { 'retry-after': value })?.retryAfterMs).toBe(expected);
  });

  test('another error is not a refusal', () => {
    expect(readRefusal(new Error('x'))).toBeNull();
  });
});

test('a network error contains its code, and nothing that was sent', () => {
  const thrown = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:1'), { code: 'ECONNREFUSED', body: 'sent' });
  const error = translateFailure(operation, thrown, 'the cluster');
  expect(error).toBeInstanceOf(UnavailableError);
  expect(error.message).toContain('ECONNREFUSED');
  expect(error.cause).toMatchObject({ code: 'ECONNREFUSED' });
  expect(JSON.stringify(error.cause)).not.toContain('sent');
});

test('an AppError is returned unchanged', () => {
  const ours = new UpstreamError('ours');
  expect(translateFailure(operation, ours, 'the cluster')).toBe(ours);
});

test('a deadline contains the elapsed time', () => {
  const error = translateDeadline(operation, 'the cluster', 10_000.4);
  expect(error).toBeInstanceOf(DeadlineError);
  expect(error.message).toBe('Could not create jobs ns/job: no answer from the cluster after 10000 ms.');
});
