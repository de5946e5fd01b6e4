import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { backoffDelay, createCrashBackoff, DEFAULT_TIMINGS } from '../../kubelet/backoff.ts';
import { expand, formatGoDuration } from '../../kubelet/expand.ts';
import { findImage } from '../../kubelet/image.ts';
import { buildMounts, mapPaths } from '../../kubelet/mounts.ts';
import { parseQuantity } from '../../kubelet/quantity.ts';

describe('expand', () => {
  const variables = new Map([
    ['A', 'a'],
    ['B_1', '$(A)'],
  ]);
  // The table of Kubernetes' own documentation of variable references.
  test.each([
    ['$(A)', 'a'],
    ['x$(A)y$(A)', 'xaya'],
    ['$(B_1)', '$(A)'],
    ['$(C)', '$(C)'],
    ['$$(A)', '$(A)'],
    ['$$$(A)', '$a'],
    ['$$$$(A)', '$$(A)'],
    ['$A $(A', '$A $(A'],
    ['$', '$'],
    ['$()', '$()'],
  ])('%s becomes %s', (text, expected) => expect(expand(text, variables)).toBe(expected));

  test('leaves a text without a dollar sign as it is', () => {
    fc.assert(
      fc.property(
        fc.string().filter((text) => !text.includes('$')),
        (text) => {
          expect(expand(text, variables)).toBe(text);
        },
      ),
    );
  });
});

test.each([
  [0, '0ms'],
  [500, '500ms'],
  [10_000, '10s'],
  [80_000, '1m20s'],
  [300_000, '5m0s'],
  [3_600_000, '1h0m0s'],
  [1500, '1.5s'],
])('%i ms is %s in Go', (ms, text) => expect(formatGoDuration(ms)).toBe(text));

describe('quantities', () => {
  test.each([
    ['500m', 0.5],
    ['2', 2],
    ['1.5', 1.5],
    ['.5', 0.5],
    ['1e3', 1000],
    ['2Gi', 2 * 2 ** 30],
    ['128974848', 128_974_848],
    ['129M', 129e6],
    ['123Mi', 123 * 2 ** 20],
    ['3E', 3e18],
  ])('%s is %d', (text, value) => expect(parseQuantity(text)).toBeCloseTo(value, 6));
  test.each(['', 'x', '1x', '1 Gi', '1..2'])('"%s" is none', (text) =>
    expect(() => parseQuantity(text)).toThrow(RangeError),
  );
});

describe('an image reference', () => {
  function entry(name: string) {
    return { command: [name] };
  }
  const images = {
    'docai/flea': entry('any'),
    'docai/flea:1.2': entry('tagged'),
    'gcr.io:443/p/flea': entry('hosted'),
    bare: entry('bare'),
    'pinned:latest': entry('latest'),
  };
  test.each([
    ['docai/flea', 'any'],
    ['docai/flea:9', 'any'],
    ['docai/flea:1.2', 'tagged'],
    ['docker.io/docai/flea:1.2', 'tagged'],
    [`docai/flea:1.2@sha256:${'a'.repeat(64)}`, 'tagged'],
    [`docai/flea@sha256:${'a'.repeat(64)}`, 'any'],
    ['gcr.io:443/p/flea:x', 'hosted'],
    ['docker.io/library/bare:1', 'bare'],
    ['pinned', 'latest'],
  ])('%s is run by %s', (reference, name) =>
    expect(findImage(images, reference)).toMatchObject({ kind: 'present', entry: entry(name) }),
  );
  test.each(['docai/fle', 'docai/flea2:1', 'pinned:1', 'x/docai/flea'])('%s is not there', (reference) =>
    expect(findImage(images, reference)).toEqual({ kind: 'absent' }),
  );
  test.each(['', 'UPPER', 'a b', 'a:', 'a@sha256:1', '/a', 'a//b', `a:${'t'.repeat(129)}`])(
    '"%s" is no reference',
    (reference) => expect(findImage(images, reference)).toEqual({ kind: 'invalid' }),
  );
});

describe('paths of mounts', () => {
  const container = {
    name: 'c',
    volumeMounts: [
      { name: 'v', mountPath: '/var/secrets/' },
      { name: 'w', mountPath: '/var/secrets/deep', subPath: 'sub/file' },
      { name: 'x', mountPath: '/x', subPathExpr: '$(N)' },
    ],
  };
  const mounts = buildMounts(container, new Map([['N', 'n']]), (volume) => `/real/${volume}`);
  test.each([
    ['/var/secrets', '/real/v'],
    ['/var/secrets/key.json', '/real/v/key.json'],
    ['/var/secrets/deep', '/real/w/sub/file'],
    ['/var/secrets/deeper', '/real/v/deeper'],
    ['/var/secretsx', '/var/secretsx'],
    ['x/var/secrets', 'x/var/secrets'],
    ['/x/y', '/real/x/n/y'],
    ['--key=/x/y', '--key=/real/x/n/y'],
    ['-k=/x', '-k=/real/x/n'],
    ['a=/x', 'a=/x'],
    ['gs://bucket/x', 'gs://bucket/x'],
  ])('%s is %s', (value, expected) => expect(mapPaths(value, mounts)).toBe(expected));

  test('do not leave the volume', () => {
    const climbing = { name: 'c', volumeMounts: [{ name: 'v', mountPath: '/v', subPath: 'a/../../b' }] };
    expect(() => buildMounts(climbing, new Map(), (volume) => volume)).toThrow('leaves the volume');
  });
});

describe('back-off', () => {
  const timings = { ...DEFAULT_TIMINGS, backoffBaseMs: 10_000, backoffCapMs: 300_000 };

  test('of a crashing container is that of the kubelet: at once, then 10 s doubled up to 5 min', () => {
    const crash = createCrashBackoff(timings);
    expect(Array.from({ length: 8 }, () => crash.next(0) / 1000)).toEqual([0, 10, 20, 40, 80, 160, 300, 300]);
  });

  test('starts anew after a long run', () => {
    const crash = createCrashBackoff(timings);
    for (let n = 0; n < 5; n += 1) crash.next(0);
    expect(crash.next(600_001)).toBe(0);
  });

  test('never passes its cap', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000 }), (n) => {
        expect(backoffDelay(n, timings)).toBeLessThanOrEqual(300_000);
      }),
    );
  });
});
