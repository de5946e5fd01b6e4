import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { aggregationIdProblem, buildAttemptJobName, buildJobName, buildLabelValue } from '../../src/jobs/names.ts';

const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const VALUE = /^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$/;

describe('buildJobName', () => {
  test.each([
    ['flea-aggregator', 'aggregation-20261122-0200', /^flea-aggregator-aggregation-20261122-0200$/, false],
    ['r', 'a', /^r-a$/, false],
    ['r', 'Aggregation.1', /^r-aggregation-1-[0-9a-f]{10}$/, true],
    ['r', 'x'.repeat(200), /^r-x{50}-[0-9a-f]{10}$/, true],
    ['r', 'x'.repeat(61), /^r-x{61}$/, false],
    ['r', 'x'.repeat(62), /^r-x{50}-[0-9a-f]{10}$/, true],
  ])('%s and %s', (release, id, name, changed) => {
    const built = buildJobName(release, id);
    expect(built !== `${release}-${id}`).toBe(changed);
    expect(built).toMatch(name);
  });

  test('is always a DNS label, and stable', () => {
    fc.assert(
      fc.property(fc.string(), fc.string({ unit: 'grapheme' }), (release, id) => {
        expect(buildJobName(release, id)).toMatch(LABEL);
        expect(buildJobName(release, id)).toEqual(buildJobName(release, id));
      }),
    );
  });

  test('distinguishes ids that clean up to the same text', () => {
    const names = ['A.1', 'a.1', 'a_1', 'a-1', 'A-1'].map((id) => buildJobName('r', id));
    expect(new Set(names).size).toBe(names.length);
  });
});

test('a run never has the name of a round’s Job', () => {
  const content = fc.string({ unit: fc.constantFrom(...'0123456789abcdef'.split('')), minLength: 8, maxLength: 8 });
  const count = fc.integer({ min: 1, max: 999 });
  fc.assert(
    fc.property(fc.string({ maxLength: 80 }), count, count, content, (taskId, round, attempt, hash) => {
      const name = buildAttemptJobName('fa', taskId, round, attempt, hash);
      expect(buildJobName('fa', name.slice('fa-'.length))).not.toBe(name);
    }),
  );
  expect(buildJobName('fa', 't-r1-a1')).not.toBe('fa-t-r1-a1');
});

describe('buildAttemptJobName', () => {
  test('keeps the task readable where it fits', () => {
    expect(buildAttemptJobName('fa', 'mnist', 12, 2)).toBe('fa-mnist-r12-a2');
    expect(buildAttemptJobName('fa', 'mnist', 12, 2, '0123456789abcdef')).toBe('fa-mnist-r12-a2-01234567');
  });

  test('is always a DNS label, and distinguishes tasks, rounds and attempts', () => {
    const part = fc.tuple(fc.string({ maxLength: 90 }), fc.nat({ max: 9_999_999 }), fc.integer({ min: 1, max: 99 }));
    fc.assert(
      fc.property(part, part, (a, b) => {
        const [x, y] = [buildAttemptJobName('fa', ...a), buildAttemptJobName('fa', ...b)];
        expect(x).toMatch(LABEL);
        expect(x === y).toBe(JSON.stringify(a) === JSON.stringify(b));
      }),
    );
  });
});

test('buildLabelValue keeps what Kubernetes allows and makes the rest valid', () => {
  expect(buildLabelValue('Nightly_1.2')).toBe('Nightly_1.2');
  fc.assert(fc.property(fc.string({ unit: 'grapheme' }), (text) => VALUE.test(buildLabelValue(text))));
});

describe('aggregationIdProblem', () => {
  test.each(['a', 'aggregation-20261122-0200', 'A.b_c:d@e+f~g', '1'.repeat(200)])('%s is an id', (id) => {
    expect(aggregationIdProblem(id)).toBeNull();
  });

  test.each(['', '-a', '.a', 'a/b', 'a b', 'ä', 'a\n', '1'.repeat(201), 'sweep', 'tasks', 'schedules'])(
    '%j is none',
    (id) => {
      expect(aggregationIdProblem(id)).toEqual(expect.any(String));
    },
  );
});
