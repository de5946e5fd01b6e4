import type { RoundsDeps } from './deps.ts';
import type { Ledger } from './ledger.ts';
import type { Known, Pass } from './step.ts';

/** Writes over the ledger that was seen; `'conflict'`: it is another by now, or this is the echo of our own write. */
export async function writeLedger(
  deps: Pick<RoundsDeps, 'ledgers'>,
  { taskId, call }: Pick<Pass, 'taskId' | 'call'>,
  seen: Known,
  ledger: Ledger,
): Promise<Known | 'conflict'> {
  const written = await deps.ledgers.write(taskId, seen.generation, ledger, call);
  return written === 'conflict' ? 'conflict' : { ledger, generation: written.generation };
}
