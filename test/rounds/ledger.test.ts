import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Ledger } from '../../src/rounds/ledger.ts';
import { emptyLedger, noteCreated, openRound, settleRound } from '../../src/rounds/ledger.ts';
import { decodeSettled, encodeId, encodeSettled, formatLedger, parseLedger } from '../../src/rounds/ledger-store.ts';
import type { Manifest } from '../../src/rounds/manifest.ts';
import { formatManifest } from '../../src/rounds/manifest.ts';
import { parseManifest } from '../../src/rounds/seal.ts';
import { UnreadableStateError } from '../../src/rounds/state-json.ts';
import { sized } from '../e2e/helpers/size.ts';

const URI = { bucket: 'state', name: 'tasks/t/ledger.json' };
const UUID = '08110db7-e6d4-4a74-8560-cb6816a3803e';
const JOB = { namespace: 'ns', name: 'job' };

const manifestOf = (round: number, change: Partial<Manifest> = {}): Manifest => ({
  schema: 1,
  taskId: 't',
  round,
  uploads: 'gs://uploads/tasksJobs/{taskId}/{jobId}.zip',
  sealedAt: '2026-01-01T12:00:00.000Z',
  reason: 'report-goal',
  forced: false,
  minReports: 1,
  maxAttempts: 1,
  outputPaths: [`gs://out/t/${round}`],
  updates: [
    {
      jobId: `${UUID.slice(0, -1)}${round % 10}`,
      name: `tasksJobs/t/${round}.zip`,
      generation: '1700000000000001',
      size: 3,
      crc32c: 'AAAAAA==',
      timeCreated: '2026-01-01T11:00:00.123Z',
    },
  ],
  dropped: [],
  ...change,
});
const run = (ledger: Ledger, round: number, failed = false): Ledger =>
  settleRound(
    openRound(ledger, manifestOf(round), JOB),
    new Date(0),
    failed ? { attempt: 1, code: 'X', reason: 'x' } : undefined,
  );

describe('ids', () => {
  test('a UUID takes 22 characters', () => {
    expect(encodeId(UUID)).toHaveLength(22);
  });

  test('any ids come back as they were', () => {
    const ids = fc.oneof(
      fc.uuid(),
      fc.uuid().map((id) => id.toUpperCase()),
      fc.string({ minLength: 1, unit: 'binary' }),
      fc.constant('__proto__'),
      fc.constant('a" 1 1\n'),
    );
    const entries = fc.array(fc.tuple(ids, fc.integer({ min: 1 }).map(String), fc.nat(4_102_444_800_000)));
    fc.assert(
      fc.property(entries, (list) => {
        const settled = new Map(
          list.map(([jobId, generation, timeCreatedMs]) => [jobId, { generation, timeCreatedMs }]),
        );
        expect(decodeSettled(encodeSettled(settled))).toEqual(settled);
      }),
      { numRuns: sized(50, 100, 1_000) },
    );
  });

  test.each(['x', '1 1 abc\n', '1 1 "a"', '0 1 "a"\n', '1 1 "a\n', '1 1 "\\x"\n', '1 1 "a"\n\n'])(
    '%j is malformed',
    (text) => {
      expect(decodeSettled(text)).toBeNull();
    },
  );
});

describe('the stored ledger', () => {
  test('comes back as it was written', () => {
    const open = noteCreated(openRound(run(emptyLedger('t', 'gs://uploads/p'), 1, true), manifestOf(2), JOB), {
      metadata: { uid: 'uid-1' },
    });
    const ledger: Ledger = {
      ...open,
      watermarkMs: 1_767_268_800_123,
      settled: new Map([...open.settled, ['__proto__', { generation: '9', timeCreatedMs: 5 }]]),
    };
    expect(parseLedger(URI, 't', formatLedger(ledger))).toEqual(ledger);
  });

  test('takes under 60 bytes per remembered UUID', () => {
    const hex = (value: number): string => value.toString(16).padStart(12, '0');
    const settled = new Map(
      Array.from({ length: 1000 }, (_, index) => [
        `${UUID.slice(0, 24)}${hex(index)}`,
        { generation: '1767268800123456', timeCreatedMs: 1_767_268_800_123 },
      ]),
    );
    expect(formatLedger({ ...emptyLedger('t', 'p'), settled }).length).toBeLessThan(60_000);
  });

  test.each([
    ['', 'is not JSON'],
    ['{"next":1}', 'has no schema version'],
    [formatLedger(emptyLedger('t', 'p')).replace('"next":1', '"next":0'), 'is corrupt'],
    [formatLedger(emptyLedger('t', 'p')).replace('"settled":""', '"settled":"x"'), 'a line of `settled`'],
    [formatLedger(emptyLedger('other', 'p')), 'the ledger of another task'],
  ])('a corrupt one says what to do: %s', (text, problem) => {
    expect(() => parseLedger(URI, 't', text)).toThrow(UnreadableStateError);
    expect(() => parseLedger(URI, 't', text)).toThrow(problem);
    expect(() => parseLedger(URI, 't', text)).toThrow('Restore an earlier generation');
  });

  test('a newer one names both versions', () => {
    const text = formatLedger(emptyLedger('t', 'p')).replace('"schema":1', '"schema":2');
    expect(() => parseLedger(URI, 't', text)).toThrow(
      'has schema 2, and this version reads up to schema 1: a newer version wrote it',
    );
  });

  test('a manifest of another round, or without a path per attempt, is refused', () => {
    const uri = { bucket: 'state', name: 'm' };
    expect(parseManifest(uri, 't', 3, formatManifest(manifestOf(3)))).toEqual(manifestOf(3));
    expect(() => parseManifest(uri, 't', 4, formatManifest(manifestOf(3)))).toThrow('is the manifest of round 3');
    expect(() => parseManifest(uri, 't', 3, formatManifest(manifestOf(3, { maxAttempts: 2 })))).toThrow(
      'no output path',
    );
  });
});

describe('history', () => {
  test('keeps every failed round and the last twenty others', () => {
    let ledger = emptyLedger('t', 'p');
    for (let round = 1; round <= 50; round += 1) ledger = run(ledger, round, round % 10 === 0);
    const kept = [...ledger.rounds.keys()];
    expect(kept.filter((round) => round % 10 === 0)).toEqual([10, 20, 30, 40, 50]);
    expect(kept).toHaveLength(25);
    expect(ledger.totals).toMatchObject({ aggregated: 45, failed: 5 });
  });

  test('a redriven round may be forgotten, and is no longer counted as failed', () => {
    let ledger = run(emptyLedger('t', 'p'), 1, true);
    ledger = settleRound(openRound(ledger, manifestOf(2, { redriveOf: 1 }), JOB), new Date(0));
    expect(ledger.rounds.get(1)).toMatchObject({ outcome: 'failed', redrivenAs: 2 });
    expect(ledger.totals).toMatchObject({ aggregated: 1, failed: 0 });
    for (let round = 3; round <= 30; round += 1) ledger = run(ledger, round);
    expect(ledger.rounds.has(1)).toBe(false);
  });
});
