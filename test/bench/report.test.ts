import { describe, expect, test } from 'vitest';
import type { Table } from './report.ts';
import {
  count,
  formatCell,
  formatSection,
  formatTable,
  megabytes,
  ms,
  perSecond,
  ratio,
  tableToJson,
} from './report.ts';

const TABLE: Table = {
  columns: ['of', 'p50', 'calls'],
  rows: [
    ['trigger', ms(12.345), count(6)],
    ['bare POST', ms(3), null],
  ],
};

describe('a figure', () => {
  test.each([
    [ms(0.1234), '0.12 ms'],
    [ms(12.345), '12.3 ms'],
    [ms(1234.5), '1,235 ms'],
    [count(10_000), '10,000'],
    [ratio(7.851), '7.85x'],
    [perSecond(297.6), '298/s'],
    [megabytes(205_600_000), '206 MB'],
    ['skipped', 'skipped'],
    [null, '-'],
  ])('%j is told as %s', (cell, text) => {
    expect(formatCell(cell)).toBe(text);
  });
});

test('a table has its names to the left and its figures to the right', () => {
  expect(formatTable(TABLE)).toEqual([
    'of              p50   calls',
    'trigger     12.3 ms       6',
    'bare POST      3 ms       -',
  ]);
});

test('a table as JSON has numbers, their unit in the name', () => {
  expect(tableToJson(TABLE)).toEqual([
    { of: 'trigger', 'p50 (ms)': 12.345, calls: 6 },
    { of: 'bare POST', 'p50 (ms)': 3, calls: null },
  ]);
});

test('a column of several units has them beside each figure', () => {
  const table: Table = {
    columns: ['of', 'p50'],
    rows: [
      ['trigger', ms(1)],
      ['trigger / bare POST', ratio(2)],
    ],
  };
  expect(tableToJson(table)).toEqual([
    { of: 'trigger', p50: { value: 1, unit: 'ms' } },
    { of: 'trigger / bare POST', p50: { value: 2, unit: 'x' } },
  ]);
});

test('a section that failed says why below what it has found', () => {
  const text = formatSection({
    name: 'trigger',
    title: 'Warm trigger',
    about: 'POST /.',
    parts: [TABLE],
    problem: 'This could not be measured to its end: no server.',
    seconds: 1.2,
  });
  expect(text).toMatch(/^Warm trigger \(1 s\)\n {2}POST \/\.\n\n {2}of /);
  expect(text.trimEnd()).toMatch(/no server\.$/);
});
