import type { RoundsDeps } from './deps.ts';
import type { RoundRecord } from './ledger.ts';
import { notePublished } from './ledger-changes.ts';
import { latestUri, resultUri } from './paths.ts';
import { buildLatest, buildResult, parseLatest } from './result.ts';
import type { Act, Known, Pass } from './step.ts';
import { writeLedger } from './write-ledger.ts';

const JSON_TYPE = { contentType: 'application/json' } as const;
const MAX_CONFLICTS = 5;

/** Publishes what a settlement (or an instance that died after one) has left unpublished; `null` when nothing is. */
export function publishStep(deps: RoundsDeps, pass: Pass, known: Known): Act | null {
  const rounds = known.ledger.unpublished.toSorted((a, b) => a - b);
  const first = rounds[0];
  if (first === undefined) return null;
  const run: Act['run'] = async () => {
    for (const round of rounds) {
      const record = known.ledger.rounds.get(round);
      if (record !== undefined && !(await publishRound(deps, pass, round, record))) return 'conflict';
    }
    return writeLedger(deps, pass, known, notePublished(known.ledger, rounds));
  };
  return {
    kind: 'act',
    act: 'publish',
    round: first,
    reason: `The result of round ${rounds.join(', ')} is published.`,
    run,
  };
}

async function publishRound(deps: RoundsDeps, pass: Pass, round: number, record: RoundRecord): Promise<boolean> {
  const result = JSON.stringify(buildResult(pass.taskId, round, record));
  // A conflict means that it is there; its content is the ledger's, whoever wrote it.
  const options = { ...pass.call, ...JSON_TYPE, ifGenerationMatch: '0' };
  await deps.store.write(resultUri(deps.stateUri, pass.taskId, round), result, options);
  return record.outcome === 'aggregated' ? writeLatest(deps, pass, round, record) : true;
}

/** Points `latest.json` at `round` unless it names this or a later one: it never goes back. */
async function writeLatest(deps: RoundsDeps, pass: Pass, round: number, record: RoundRecord): Promise<boolean> {
  const uri = latestUri(deps.stateUri, pass.taskId);
  const text = JSON.stringify(buildLatest(pass.taskId, round, record));
  for (let conflicts = 0; conflicts < MAX_CONFLICTS; conflicts += 1) {
    const found = await deps.store.read(uri, pass.call);
    if (found === 'unchanged') continue;
    if (found !== null && parseLatest(uri, found.text).round >= round) return true;
    const ifGenerationMatch = found?.info.generation ?? '0';
    if ((await deps.store.write(uri, text, { ...pass.call, ...JSON_TYPE, ifGenerationMatch })) !== 'conflict')
      return true;
  }
  return false;
}
