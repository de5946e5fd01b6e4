import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isTick, nextTick, ticksBetween } from '../../src/runs/schedules.ts';
import { sized } from '../e2e/helpers/size.ts';

const at = (text: string): Date => new Date(`2026-${text}Z`);
const iso = (ticks: readonly Date[]): string[] => ticks.map((tick) => tick.toISOString().slice(5, 16));

describe('ticksBetween', () => {
  test.each([
    [
      'every hour',
      { cron: '0 * * * *' },
      at('11-22T00:00:00'),
      at('11-22T03:00:00'),
      ['11-22T01:00', '11-22T02:00', '11-22T03:00'],
    ],
    [
      'in a zone',
      { cron: '0 2 * * *', timeZone: 'Europe/Berlin' },
      at('11-21T00:00:00'),
      at('11-22T12:00:00'),
      ['11-21T01:00', '11-22T01:00'],
    ],
    [
      'over the end of summer time',
      { cron: '30 2 * * *', timeZone: 'Europe/Berlin' },
      at('10-24T00:00:00'),
      at('10-26T12:00:00'),
      ['10-24T00:30', '10-25T00:30', '10-26T01:30'],
    ],
    ['none yet', { cron: '0 0 1 1 *' }, at('11-22T00:00:00'), at('11-23T00:00:00'), []],
  ])('%s', (_name, rule, after, until, expected) => {
    expect(iso(ticksBetween(rule, after, until, 100))).toEqual(expected);
  });

  test('keeps the newest', () => {
    expect(iso(ticksBetween({ cron: '* * * * *' }, at('11-22T00:00:00'), at('11-22T01:00:00'), 2))).toEqual([
      '11-22T00:59',
      '11-22T01:00',
    ]);
  });
});

test('the ticks equal those of a walk from the beginning, in every zone and across its clock changes', () => {
  const crons = ['* * * * *', '*/10 * * * *', '0 * * * *', '30 2 * * *', '15 1 * * 0', '0 0 1 * *', '45 2 29 2 *'];
  const zones = ['UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kolkata'];
  const property = fc.property(
    fc.constantFrom(...crons),
    fc.constantFrom(...zones),
    fc.integer({ min: Date.UTC(2024, 0), max: Date.UTC(2027, 0) }),
    fc.integer({ min: 0, max: 20 * 24 * 3_600_000 }),
    fc.integer({ min: 1, max: 50 }),
    (cron, timeZone, from, lengthMs, most) => {
      const [after, until] = [new Date(from), new Date(from + lengthMs)];
      const walked: Date[] = [];
      const isOver = (tick: Date | null): tick is null => tick === null || tick > until;
      for (let tick = nextTick({ cron, timeZone }, after); !isOver(tick) && walked.length < 500;) {
        walked.push(tick);
        tick = nextTick({ cron, timeZone }, tick);
      }
      fc.pre(walked.length < 500);
      expect(ticksBetween({ cron, timeZone }, after, until, most)).toEqual(walked.slice(-most));
    },
  );
  fc.assert(property, { numRuns: sized(20, 60, 200) });
}, 120_000);

test('isTick and nextTick', () => {
  const rule = { cron: '0 2 * * *' };
  expect(isTick(rule, at('11-22T02:00:00'))).toBe(true);
  expect(isTick(rule, at('11-22T02:00:01'))).toBe(false);
  expect(isTick(rule, at('11-22T03:00:00'))).toBe(false);
  expect(nextTick(rule, at('11-22T02:00:00'))?.toISOString()).toBe('2026-11-23T02:00:00.000Z');
});
