import { describe, expect, test } from 'vitest';
import type { TemplateContext } from '../../src/values/placeholders.ts';
import { fillTemplate, formatTick } from '../../src/values/placeholders.ts';
import type { Issue } from '../../src/errors.ts';

const at = new Date('2026-11-22T02:05:09+01:00');
const tick = new Date('2026-11-22T02:05:00Z');

test.each<[string, TemplateContext, string]>([
  ['a-{date}-{time}', { at, kind: 'request' }, 'a-20261122-0105'],
  ['{tick}', { at: tick, kind: 'tick' }, '20261122-0205'],
  ['{schedule}/{date}', { at: tick, kind: 'tick', schedule: 'nightly' }, 'nightly/20261122'],
  ['no placeholder', { at, kind: 'request' }, 'no placeholder'],
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
  fillTemplate(text, { at, kind: 'request' }, 'aggregator.outputPath', issues);
  expect(issues).toEqual([{ path: 'aggregator.outputPath', message: expect.stringContaining(words) }]);
});

test('a tick is written in UTC, with seconds only where there are any', () => {
  expect(formatTick(new Date('2026-11-22T23:59:00-01:00'))).toBe('20261123-0059');
  expect(formatTick(at)).toBe('20261122-010509');
});

test('a forced run has a time that no tick has', () => {
  const forced: TemplateContext = { at: tick, kind: 'forced' };
  expect(fillTemplate('{tick} {date}-{time}', forced, 'p', [])).toBe('manual-20261122-020500 20261122-020500');
});

describe('the time zone of a schedule', () => {
  const NEW_YORK = 'America/New_York';

  test('a daily evening tick has the date of its place: no date twice or left out around the clock change', () => {
    const dates = [
      '2026-10-31T23:30:00Z',
      '2026-11-02T00:30:00Z',
      '2026-11-03T00:30:00Z',
      '2027-03-14T00:30:00Z',
      '2027-03-14T23:30:00Z',
    ].map((text) => fillTemplate('{date}', { at: new Date(text), kind: 'tick', timeZone: NEW_YORK }, 'p', []));
    expect(dates).toEqual(['20261031', '20261101', '20261102', '20270313', '20270314']);
  });

  test.each([NEW_YORK, 'Europe/Berlin', 'Australia/Lord_Howe', 'Antarctica/Troll', 'Asia/Kolkata', 'UTC'])(
    '%s: a year of ticks every ten minutes has no text twice',
    (timeZone) => {
      const texts = new Set<string>();
      const [from, step] = [Date.UTC(2026, 0), 600_000];
      const length = 366 * 144;
      const near = Array.from({ length }, (_, index) => from + index * step).filter((at) => isNearChange(at, timeZone));
      for (const at of near) texts.add(formatTick(new Date(at), timeZone));
      expect(texts.size).toBe(near.length);
    },
  );
});

const DAY_MS = 24 * 3_600_000;
const offsets = new Map<string, string>();

/** The offset of a zone at the beginning of a day in UTC. */
const offsetOf = (day: number, timeZone: string): string => {
  const key = `${day} ${timeZone}`;
  const known =
    offsets.get(key) ?? new Date(day).toLocaleString('en', { timeZone, timeZoneName: 'longOffset' }).slice(-9);
  offsets.set(key, known);
  return known;
};

/** Whether the zone's offset changes within a day of `at`: in between, each wall time occurs once. */
const isNearChange = (at: number, timeZone: string): boolean => {
  const day = Math.floor(at / DAY_MS) * DAY_MS;
  return offsetOf(day - DAY_MS, timeZone) !== offsetOf(day + 2 * DAY_MS, timeZone);
};
