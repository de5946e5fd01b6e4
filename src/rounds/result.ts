import { z } from 'zod';
import type { GsUri } from '../storage/uri.ts';
import type { RoundRecord } from './ledger.ts';
import { parseState } from './state-json.ts';

const VERSION = 1;

/** `result.json`: the outcome of one round, for whoever subscribes to it. Never changed once written. */
export interface RoundResult {
  readonly schema: number;
  readonly taskId: string;
  readonly round: number;
  readonly outcome: RoundRecord['outcome'];
  readonly attempts: number;
  readonly updates: number;
  readonly outputPath: string;
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly redriveOf?: number | undefined;
  readonly failures: RoundRecord['failures'];
}

const LatestSchema = z.object({
  schema: z.literal(VERSION),
  taskId: z.string(),
  round: z.int().positive(),
  outputPath: z.string(),
  updates: z.int().positive(),
  finishedAt: z.string(),
});
/** `latest.json`: where the output of the newest aggregated round is. */
export type Latest = z.infer<typeof LatestSchema>;

/** The result of a settled round. Its later redrive is not part of it: the first write must equal every later one. */
export function buildResult(taskId: string, round: number, record: RoundRecord): RoundResult {
  const { redrivenAs: _, ...rest } = record;
  return { schema: VERSION, taskId, round, ...rest };
}

/** What `latest.json` says when `round` is the newest aggregated one. */
export function buildLatest(taskId: string, round: number, record: RoundRecord): Latest {
  return {
    schema: VERSION,
    taskId,
    round,
    outputPath: record.outputPath,
    updates: record.updates,
    finishedAt: record.finishedAt,
  };
}

/** Parses a stored `latest.json`. Throws UnreadableStateError. */
export function parseLatest(uri: GsUri, text: string): Latest {
  return parseState(uri, text, VERSION, LatestSchema);
}
