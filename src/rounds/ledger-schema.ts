import { z } from 'zod';
import type { GsUri } from '../storage/uri.ts';
import type { Ledger } from './ledger.ts';
import { decodeSettled, encodeSettled } from './settled-codec.ts';
import { corruptState } from './state-error.ts';
import { parseState } from './state-json.ts';

const VERSION = 1;

const Count = z.int().nonnegative();
const Round = z.int().positive();
const Time = z.iso.datetime();

const FailureSchema = z.object({ attempt: Round, code: z.string(), reason: z.string() });

const OpenSchema = z.object({
  round: Round,
  attempt: Round,
  created: z.boolean(),
  jobUid: z.string().optional(),
  notBefore: Time,
  job: z.object({ namespace: z.string(), name: z.string() }),
  outputPaths: z.array(z.string()).min(1),
  maxAttempts: Round,
  updates: Round,
  startedAt: Time,
  redriveOf: Round.optional(),
  cancelled: z.literal(true).optional(),
  failures: z.array(FailureSchema),
});

const RecordSchema = z.object({
  outcome: z.enum(['aggregated', 'failed']),
  attempts: Round,
  updates: Round,
  outputPath: z.string(),
  startedAt: Time,
  finishedAt: Time,
  redriveOf: Round.optional(),
  redrivenAs: Round.optional(),
  failures: z.array(FailureSchema),
});

const LedgerSchema = z.object({
  schema: z.literal(VERSION),
  taskId: z.string(),
  uploads: z.string(),
  next: Round,
  watermark: Time,
  open: OpenSchema.nullable(),
  settled: z.string(),
  totals: z.object({ aggregated: Count, failed: Count, dropped: Count, duplicate: Count, invalid: Count }),
  rounds: z.record(z.string().regex(/^[1-9]\d*$/), RecordSchema),
  unpublished: z.array(Round),
});

/** The ledger as it is stored. */
export function formatLedger(ledger: Ledger): string {
  const { watermarkMs, settled, rounds, open, ...rest } = ledger;
  return JSON.stringify({
    schema: VERSION,
    ...rest,
    watermark: time(watermarkMs),
    open: formatOpen(open),
    rounds: Object.fromEntries(rounds),
    settled: encodeSettled(settled),
  });
}

function time(ms: number): string {
  return new Date(ms).toISOString();
}

function formatOpen(open: Ledger['open']): z.infer<typeof OpenSchema> | null {
  if (open === null) return null;
  const { notBeforeMs, ...rest } = open;
  return { ...rest, notBefore: time(notBeforeMs), outputPaths: [...open.outputPaths], failures: [...open.failures] };
}

/** Parses what {@link formatLedger} wrote. Throws UnreadableStateError, which says what to do. */
export function parseLedger(uri: GsUri, taskId: string, text: string): Ledger {
  const { schema: _, watermark, settled, rounds, open, ...rest } = parseState(uri, text, VERSION, LedgerSchema);
  const ids = decodeSettled(settled);
  if (ids === null) throw corruptState(uri, 'is corrupt: a line of `settled` cannot be read');
  if (rest.taskId !== taskId) throw corruptState(uri, `is the ledger of another task ("${rest.taskId}")`);
  if (open !== null && open.round !== rest.next - 1)
    throw corruptState(uri, 'is corrupt: `open` and `next` contradict each other');
  return {
    ...rest,
    watermarkMs: Date.parse(watermark),
    open: parseOpen(open),
    settled: ids,
    rounds: new Map(Object.entries(rounds).map(([round, record]) => [Number(round), record])),
  };
}

function parseOpen(open: z.infer<typeof OpenSchema> | null): Ledger['open'] {
  if (open === null) return null;
  const { notBefore, ...rest } = open;
  return { ...rest, notBeforeMs: Date.parse(notBefore) };
}
