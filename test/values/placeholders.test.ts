import { expect, test } from 'vitest';
import { fillTemplate, formatTick } from '../../src/values/placeholders.ts';
import type { Issue } from '../../src/errors.ts';

const at = new Date('2026-11-22T02:05:09+01:00');
const tick = new Date('2026-11-22T02:05:00Z');

test.each([
  ['a-{date}-{time}', { at, isTick: false }, 'a-20261122-0105'],
  ['{tick}', { at: tick, isTick: true }, '20261122-0205'],
  ['{schedule}/{date}', { at: tick, isTick: true, schedule: 'nightly' }, 'nightly/20261122'],
  ['no placeholder', { at, isTick: false }, 'no placeholder'],
])('%s', (text, context, filled) => {
  const issues: Issue[] = [];
  expect(fillTemplate(text, context, 'p', issues)).toBe(filled);
  expect(issues).toEqual([]);
});

test.each([
  ['{tick}', 'known in scheduled runs only'],
  ['{schedule}', 'known only in runs of a schedule'],
  ['{dat}', 'did you mean {date}?'],
  ['{taskId}', 'is not a placeholder. Known here: {date}, {time}'],
  ['{}', 'is not a placeholder'],
])('%s is reported', (text, words) => {
  const issues: Issue[] = [];
  fillTemplate(text, { at, isTick: false }, 'aggregator.outputPath', issues);
  expect(issues).toEqual([{ path: 'aggregator.outputPath', message: expect.stringContaining(words) }]);
});

test('a tick is written in UTC, with seconds only where there are any', () => {
  expect(formatTick(new Date('2026-11-22T23:59:00-01:00'))).toBe('20261123-0059');
  expect(formatTick(at)).toBe('20261122-010509');
});
