import { describe, expect, test } from 'vitest';
import { isTimeZone, isUnixCron } from '../../src/values/cron.ts';
import {
  DNS_LABEL,
  DNS_SUBDOMAIN,
  IMAGE_DIGEST,
  IMAGE_REPOSITORY,
  IMAGE_TAG,
  isOwnedKey,
  LABEL_KEY,
  LABEL_VALUE,
  MOUNT_PATH,
  QUANTITY,
  quantityValue,
  SECRET_KEY,
} from '../../src/values/kubernetes-syntax.ts';
import type { Syntax } from '../../src/values/kubernetes-syntax.ts';

const table: [string, Syntax, string[], string[]][] = [
  [
    'DNS label',
    DNS_LABEL,
    ['a', '0', 'a-b', 'x'.repeat(63)],
    ['', '-a', 'a-', 'A', 'a.b', 'a_b', 'ä', 'x'.repeat(64), 'a\n'],
  ],
  [
    'DNS subdomain',
    DNS_SUBDOMAIN,
    ['a', 'a.b-c.d', 'x'.repeat(253)],
    ['', '.a', 'a.', 'a..b', 'a.-b', 'A', 'x'.repeat(254)],
  ],
  [
    'Secret key',
    SECRET_KEY,
    ['a', 'sacred.json', 'A_b-c', '.hidden'],
    ['', '.', '..', '..a', 'a/b', 'a b', 'x'.repeat(254)],
  ],
  [
    'label key',
    LABEL_KEY,
    ['a', 'A.b_c-d', 'example.com/a', 'x'.repeat(63)],
    ['', '/a', 'a/', 'a/b/c', 'Example.com/a', '-a', 'a b', 'x'.repeat(64), 'a_b/c'],
  ],
  ['label value', LABEL_VALUE, ['', 'a', 'A.b_c-1', 'x'.repeat(63)], ['-a', 'a-', 'a b', 'a/b', 'x'.repeat(64)]],
  [
    'quantity',
    QUANTITY,
    ['1', '0', '500m', '1.5', '.5', '5.', '4Gi', '1e3', '1E-3', '2k', '+1', '100n'],
    ['', '-1', '4gb', '4GB', '1.5.2', 'Gi', '1 Gi', '1e', 'one', '4KI'],
  ],
  [
    'image repository',
    IMAGE_REPOSITORY,
    [
      'alpine',
      'docai/flea',
      'localhost/a',
      'localhost:5000/a/b',
      'europe-docker.pkg.dev/p/r/i',
      'a__b/c-d',
      'REG.example/a',
      'a.b',
      'x'.repeat(255),
    ],
    [
      '',
      'A',
      'docai/Flea',
      'a:b',
      'a@sha256:x',
      '/a',
      'a/',
      'a//b',
      'a..b',
      '-a',
      'http://a/b',
      'a b',
      'host:port/a',
      'x'.repeat(256),
    ],
  ],
  [
    'image tag',
    IMAGE_TAG,
    ['latest', '1.10', 'v1_2-3', '_x', 'x'.repeat(128)],
    ['', '.a', '-a', 'a:b', 'a/b', 'a@b', 'a b', 'x'.repeat(129), 'a\n'],
  ],
  [
    'image digest',
    IMAGE_DIGEST,
    [`sha256:${'a1'.repeat(32)}`],
    ['', 'sha256:', `sha256:${'A1'.repeat(32)}`, `sha512:${'a'.repeat(64)}`, `sha256:${'a'.repeat(63)}`],
  ],
  [
    'mount path',
    MOUNT_PATH,
    ['/etc/sacred/', '/a', '/a.b/c'],
    ['', '/', '//', 'a', '/a:b', '/a/../b', '/./', '/a\n', '/ä'],
  ],
];

describe.each(table)('%s', (_name, syntax, good, bad) => {
  test.each(good)('%j is one', (text) => {
    expect(syntax.test(text)).toBe(true);
    expect(new RegExp(syntax.pattern, 'u').test(text)).toBe(true);
  });
  test.each(bad)('%j is none', (text) => expect(syntax.test(text)).toBe(false));
});

test.each([
  ['1', 1],
  ['500m', 0.5],
  ['1.5Ki', 1536],
  ['2e3', 2000],
  ['1E3', 1000],
  ['1E', 1e18],
  ['4Gi', 4 * 2 ** 30],
  ['x', Number.NaN],
])('the quantity %s is %d', (text, value) => expect(quantityValue(text)).toBe(value));

test.each([
  ['app.kubernetes.io/name', true],
  ['job-name', true],
  ['batch.kubernetes.io/job-name', true],
  ['tensorio-trigger/run', true],
  ['kueue.x-k8s.io/queue-name', true],
  ['app.kubernetes.io/part-of', false],
  ['team', false],
])('the key %s is owned: %s', (key, owned) => expect(isOwnedKey(key)).toBe(owned));

test.each(['* * * * *', '0 3 * * *', '*/5 0-6,22 1,15 jan-mar mon', '0 0 * * 7', '5-10/2 * * * SUN', '59 23 31 12 0'])(
  '"%s" is unix-cron',
  (text) => expect(isUnixCron(text)).toBe(true),
);
test.each([
  '',
  '* * * *',
  '* * * * * *',
  '60 * * * *',
  '* 24 * * *',
  '* * 0 * *',
  '* * * 13 *',
  '* * * * 8',
  '5-1 * * * *',
  '1-2-3 * * * *',
  '*/0 * * * *',
  '*/a * * * *',
  '*/5/2 * * * *',
  ', * * * *',
  '@daily',
  'every 5 minutes',
  '* * * * mon-',
  '*  * * * *',
  '0 0 L * *',
  '0 0 15W * *',
  '* * * * 5L',
  '5/15 * * * *',
  '012 * * * *',
  '0 0 1 1 monday',
  '@daily * * * *',
])('"%s" is not unix-cron', (text) => expect(isUnixCron(text)).toBe(false));
test.each([
  ['Europe/Berlin', true],
  ['Etc/UTC', true],
  ['UTC', true],
  ['America/Argentina/Buenos_Aires', true],
  ['+01:00', false],
  ['Mars/Olympus', false],
  ['', false],
])('%j is a time zone: %s', (text, expected) => expect(isTimeZone(text)).toBe(expected));
