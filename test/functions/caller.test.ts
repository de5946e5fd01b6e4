import { describe, expect, test } from 'vitest';
import { ForbiddenError } from '../../src/errors.ts';
import { callerOf, schedulerCallOf } from '../../src/functions/caller.ts';

const encode = (claims: unknown): string => Buffer.from(JSON.stringify(claims)).toString('base64url');
const bearer = (claims: unknown): string => `Bearer x.${encode(claims)}.SIGNATURE_REMOVED_BY_GOOGLE`;
const ada = bearer({ email: 'ada@example.com', email_verified: true });
const bob = bearer({ email: 'bob@example.com' });

describe('the caller', () => {
  test.each<[string, Record<string, string>, string | undefined]>([
    ['Authorization alone', { authorization: ada }, 'ada@example.com'],
    ['X-Serverless-Authorization alone', { 'x-serverless-authorization': bob }, 'bob@example.com'],
    ['both: only the verified one', { authorization: ada, 'x-serverless-authorization': bob }, 'bob@example.com'],
    ['an unreadable X-Serverless-Authorization', { authorization: ada, 'x-serverless-authorization': 'x' }, undefined],
    ['an empty X-Serverless-Authorization', { authorization: ada, 'x-serverless-authorization': '' }, undefined],
    ['X-Serverless-Authorization twice', { 'x-serverless-authorization': `${ada}, ${bob}` }, undefined],
    ['an access token', { authorization: 'Bearer ya29.a0AfH6' }, undefined],
    ['basic credentials', { authorization: 'Basic YTpi' }, undefined],
    ['a token without an address', { authorization: bearer({ sub: '1' }) }, undefined],
    [
      'an address that is not verified',
      { authorization: bearer({ email: 'e@x.y', email_verified: false }) },
      undefined,
    ],
    ['an address with a line break', { authorization: bearer({ email: 'e@x.y\nadmin' }) }, undefined],
    ['claims that are no JSON', { authorization: 'Bearer x.e30x.y' }, undefined],
    ['nothing', {}, undefined],
  ])('%s', (_name, headers, caller) => {
    expect(callerOf({ headers })).toBe(caller);
  });
});

describe('a call of Cloud Scheduler', () => {
  const now = new Date('2026-11-22T02:00:00Z');
  const headers = { 'x-cloudscheduler': 'true', 'x-cloudscheduler-jobname': 'nightly' };

  test('counts from the configured account', () => {
    const call = schedulerCallOf({ headers: { ...headers, authorization: ada } }, now, 'Ada@example.com');
    expect(call).toEqual({ job: 'nightly' });
  });

  test.each([
    ['bob@example.com', 'SCHEDULER_SERVICE_ACCOUNT names the account'],
    [undefined, 'set SCHEDULER_SERVICE_ACCOUNT'],
  ])('from ada is refused where the account is %s', (account, words) => {
    const attempt = () => schedulerCallOf({ headers: { ...headers, authorization: ada } }, now, account);
    expect(attempt).toThrow(ForbiddenError);
    expect(attempt).toThrow(words);
  });

  test('is one with its header only', () => {
    expect(schedulerCallOf({ headers: { 'x-cloudscheduler-jobname': 'nightly' } }, now, undefined)).toBeUndefined();
  });
});
