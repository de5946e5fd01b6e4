import * as z from 'zod';
import type { GsUri } from '../storage/uri.ts';
import type { RoundRecord, VersionedLedger } from './ledger.ts';
import { notePublished } from './ledger.ts';
import { latestUri, resultUri } from './paths.ts';
import { parseState } from './state-json.ts';
import type { Action, TaskContext } from './task-context.ts';
import { writeLedger } from './task-context.ts';

const VERSION = 1;
const MAX_CONFLICTS = 5;
const JSON_TYPE = { contentType: 'application/json' } as const;

/** `result.json`: the outcome of one round, for subscribers. It never changes. */
export interface RoundResult extends Omit<RoundRecord, 'redrivenAs'> {
  readonly schema: number;
  readonly taskId: string;
  readonly round: number;
}

const LatestSchema = z.object({
  schema: z.literal(VERSION),
  taskId: z.string(),
  round: z.int().positive(),
  outputPath: z.string(),
  updates: z.int().positive(),
  finishedAt: z.string(),
});
/** `latest.json`: the output of the newest aggregated round. */
export type Latest = z.infer<typeof LatestSchema>;

/** Publishes the results of settled rounds; `null` when all are published. */
export function publishStep(context: TaskContext, current: VersionedLedger): Action | null {
  const rounds = current.ledger.unpublished.toSorted((a, b) => a - b);
  const first = rounds[0];
  if (first === undefined) return null;
  const run: Action['run'] = async () => {
    for (const round of rounds) {
      const record = current.ledger.rounds.get(round);
      if (record !== undefined && !(await publishRound(context, round, record))) return 'conflict';
    }
    return writeLedger(context, current, notePublished(current.ledger, rounds));
  };
  const reason = `The result of round ${rounds.join(', ')} is published.`;
  return { kind: 'act', act: 'publish', round: first, reason, run };
}

/** Returns false after too many lost races. */
async function publishRound(context: TaskContext, round: number, record: RoundRecord): Promise<boolean> {
  const { rounds, taskId, call } = context;
  const result = JSON.stringify(buildResult(taskId, round, record));
  // A conflict means that the object exists. Every instance writes the same content, that of the ledger.
  const options = { ...call, ...JSON_TYPE, ifGenerationMatch: '0' };
  await rounds.store.write(resultUri(rounds.stateUri, taskId, round), result, options);
  return record.outcome === 'aggregated' ? writeLatest(context, round, record) : true;
}

/** The result of a settled round. A later redrive is not part of it, because the first write must equal later ones. */
export function buildResult(taskId: string, round: number, record: RoundRecord): RoundResult {
  const { redrivenAs: _, ...rest } = record;
  return { schema: VERSION, taskId, round, ...rest };
}

/** Points `latest.json` at `round`, unless it names this round or a later one. */
async function writeLatest(
  { rounds, taskId, call }: TaskContext,
  round: number,
  record: RoundRecord,
): Promise<boolean> {
  const uri = latestUri(rounds.stateUri, taskId);
  const text = JSON.stringify(buildLatest(taskId, round, record));
  for (let conflicts = 0; conflicts < MAX_CONFLICTS; conflicts += 1) {
    const found = await rounds.store.read(uri, call);
    if (found === 'unchanged') continue;
    if (found !== null && parseLatest(uri, found.text).round >= round) return true;
    const ifGenerationMatch = found?.info.generation ?? '0';
    const written = await rounds.store.write(uri, text, { ...call, ...JSON_TYPE, ifGenerationMatch });
    if (written !== 'conflict') return true;
  }
  return false;
}

function buildLatest(taskId: string, round: number, { outputPath, updates, finishedAt }: RoundRecord): Latest {
  return { schema: VERSION, taskId, round, outputPath, updates, finishedAt };
}

/** Parses a stored `latest.json`. Throws UnreadableStateError. */
export function parseLatest(uri: GsUri, text: string): Latest {
  return parseState(uri, text, VERSION, LatestSchema);
}
