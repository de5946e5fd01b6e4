import { describe, expect, test } from 'vitest';
import { countUpdates, raiseWatermark, sortListing } from '../../src/rounds/accounting.ts';
import type { Ledger } from '../../src/rounds/ledger.ts';
import { emptyLedger, openRound, settleRound } from '../../src/rounds/ledger.ts';
import type { ListedUpdate } from '../../src/rounds/listing.ts';
import type { Manifest } from '../../src/rounds/manifest.ts';

const listed = (jobId: string, generation: number, timeCreatedMs: number, valid = true): ListedUpdate => ({
  jobId,
  name: `tasksJobs/t/${jobId}.zip`,
  generation: String(generation),
  size: valid ? 3 : 0,
  crc32c: '',
  timeCreated: new Date(timeCreatedMs).toISOString(),
  timeCreatedMs,
  problem: valid ? null : 'empty',
});
const ledgerOf = (change: Partial<Ledger>): Ledger => ({ ...emptyLedger('t', 'p'), ...change });
const settled = (...ids: readonly (readonly [string, number, number])[]) =>
  new Map(ids.map(([jobId, generation, timeCreatedMs]) => [jobId, { generation: String(generation), timeCreatedMs }]));

const buildTestManifest = (jobIds: readonly string[]): Manifest => ({
  schema: 1,
  taskId: 't',
  round: 1,
  uploads: 'p',
  sealedAt: '2026-01-01T00:00:00.000Z',
  reason: 'report-goal',
  forced: false,
  minReports: 1,
  maxAttempts: 1,
  outputPaths: ['gs://out/t/1'],
  updates: jobIds.map((jobId) => ({
    jobId,
    name: jobId,
    generation: '1',
    size: 1,
    crc32c: '',
    timeCreated: '2026-01-01T00:00:00.000Z',
  })),
  dropped: [],
});

describe('the update counts', () => {
  const ledger = ledgerOf({
    watermarkMs: 1000,
    settled: settled(['sealed', 9, 5000], ['again', 9, 5000]),
    totals: { aggregated: 7, failed: 2, dropped: 1, duplicate: 3, invalid: 4 },
  });
  const listing = [
    listed('sealed', 9, 5000),
    listed('again', 10, 6000),
    listed('new', 11, 6000),
    listed('empty', 12, 6000, false),
    listed('forgotten', 1, 1000),
  ];

  test('each listed object is one of pending, duplicate, invalid or settled', () => {
    const { pending, duplicates, invalid } = sortListing(ledger, null, listing);
    expect([pending, duplicates, invalid].map((part) => part.map(({ jobId }) => jobId))).toEqual([
      ['new'],
      ['again'],
      ['empty'],
    ]);
  });

  test('add up', () => {
    expect(countUpdates(ledger, null, sortListing(ledger, null, listing))).toEqual({
      uploaded: 20,
      aggregated: 7,
      running: 0,
      pending: 1,
      failed: 2,
      duplicate: 4,
      dropped: 1,
      invalid: 5,
    });
  });

  test('a generation of fewer digits is older, and makes no duplicate', () => {
    expect(sortListing(ledger, null, [listed('sealed', 8, 5000)]).duplicates).toEqual([]);
    const large = ledgerOf({ settled: settled(['a', 10, 5000]) });
    expect(sortListing(large, null, [listed('a', 9, 5000)]).duplicates).toEqual([]);
  });
});

describe('a sealed round that the ledger does not know', () => {
  const manifest = buildTestManifest(['a', 'b', 'c']);
  const empty = { pending: [], duplicates: [], invalid: [] };
  const open = openRound(emptyLedger('t', 'p'), manifest, { namespace: 'ns', name: 'job' });

  test('is running', () => {
    expect(countUpdates(emptyLedger('t', 'p'), manifest, empty)).toMatchObject({ uploaded: 3, running: 3, failed: 0 });
  });

  test('takes its updates from the failed ones when it is a redrive', () => {
    const failed = settleRound(open, new Date(0), { attempt: 1, code: 'X', reason: 'x' });
    const redrive = { ...manifest, round: 2, redriveOf: 1, updates: manifest.updates.slice(1) };
    expect(countUpdates(failed, redrive, empty)).toMatchObject({ uploaded: 3, running: 2, failed: 1 });
  });

  test('count the open round as failed when the unadopted manifest redrives it', () => {
    const redrive = { ...manifest, round: 2, redriveOf: 1, updates: manifest.updates.slice(1) };
    expect(countUpdates(open, redrive, empty)).toMatchObject({ uploaded: 3, running: 2, failed: 1 });
  });
});

describe('the watermark', () => {
  const view = (nowMs: number, left: readonly ListedUpdate[] = [], listing: readonly ListedUpdate[] = left) => ({
    now: new Date(nowMs),
    settledWindowSec: 10,
    // Just uploaded, so the bucket's clock equals the instance's.
    listing: [...listing, listed('newest', 99, 30_000)],
    left,
  });

  test('is a window behind now, and behind the oldest update that is left pending', () => {
    expect(raiseWatermark(ledgerOf({}), view(30_000)).watermarkMs).toBe(20_000);
    expect(raiseWatermark(ledgerOf({}), view(30_000, [listed('a', 1, 15_000)])).watermarkMs).toBe(14_999);
  });

  test('follows the bucket’s clock when the instance’s clock is ahead', () => {
    expect(raiseWatermark(ledgerOf({}), view(90_000_000)).watermarkMs).toBe(20_000);
  });

  test('never falls', () => {
    expect(raiseWatermark(ledgerOf({ watermarkMs: 25_000 }), view(30_000)).watermarkMs).toBe(25_000);
  });

  test('an id leaves when both its sealed and its listed time are behind it; a duplicate is folded', () => {
    const ledger = ledgerOf({
      settled: settled(
        ['old', 1, 5000],
        ['twice', 1, 5000],
        ['late', 1, 5000],
        ['young', 9, 25_000],
        ['deleted', 1, 5000],
      ),
    });
    const listing = [
      listed('old', 1, 5000),
      listed('twice', 2, 6000),
      listed('late', 3, 25_000),
      listed('young', 9, 25_000),
    ];
    const raised = raiseWatermark(ledger, view(30_000, [], listing));
    expect([...raised.settled.keys()]).toEqual(['late', 'young']);
    expect(raised.totals.duplicate).toBe(1);
  });

  test('an invalid object is folded when the watermark passes it, once', () => {
    const listing = [listed('empty', 1, 5000, false)];
    const once = raiseWatermark(ledgerOf({}), view(30_000, [], listing));
    expect(once.totals.invalid).toBe(1);
    expect(raiseWatermark(once, view(40_000, [], listing)).totals.invalid).toBe(1);
  });
});
