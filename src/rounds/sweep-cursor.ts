import { z } from 'zod';
import type { CallOptions } from '../storage/port.ts';
import type { RoundsDeps } from './deps.ts';
import { sweepUri } from './paths.ts';
import { parseState } from './state-json.ts';

const VERSION = 1;

const CursorSchema = z.object({
  schema: z.literal(VERSION),
  /** The last task of the last batch that was begun; the next sweep starts after it. */
  after: z.string(),
  /** The batch under way. Found by a later sweep, it did not end: one of these may have killed its instance. */
  begun: z.array(z.string()),
  at: z.iso.datetime(),
});

export interface SweepCursor {
  readonly after: string;
  readonly begun: readonly string[];
}

/** Where the last sweep stopped. A cursor that cannot be read is as good as none: every task is visited all the same. */
export async function readCursor(deps: RoundsDeps, call: CallOptions): Promise<SweepCursor> {
  const uri = sweepUri(deps.stateUri);
  const found = await deps.store.read(uri, call);
  if (found === null || found === 'unchanged') return { after: '', begun: [] };
  try {
    return parseState(uri, found.text, VERSION, CursorSchema);
  } catch (error) {
    deps.log('WARNING', `The sweep's cursor cannot be read; it starts from the first task: ${String(error)}`);
    return { after: '', begun: [] };
  }
}

/**
 * Writes the cursor over whatever is there. Sweeps at once may overwrite each other's: a task is then visited twice or
 * one sweep later. A cursor that cannot be written (more than one write a second is refused) must not end the sweep.
 */
export async function writeCursor(deps: RoundsDeps, cursor: SweepCursor, call: CallOptions): Promise<void> {
  const uri = sweepUri(deps.stateUri);
  const text = JSON.stringify({ schema: VERSION, ...cursor, at: deps.now().toISOString() });
  try {
    const found = await deps.store.read(uri, call);
    const ifGenerationMatch = found === null || found === 'unchanged' ? '0' : found.info.generation;
    await deps.store.write(uri, text, { ...call, ifGenerationMatch, contentType: 'application/json' });
  } catch (error) {
    if (call.signal?.aborted !== true) deps.log('WARNING', `The sweep's cursor could not be written: ${String(error)}`);
  }
}
