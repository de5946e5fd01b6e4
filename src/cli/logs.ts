import { CliError, EXIT } from './errors.ts';
import { parseOr } from './json.ts';
import { problemError } from './problem.ts';
import type { Session } from './session.ts';
import { pathOf, queryOf } from './session.ts';

export interface LogFlags {
  readonly follow?: boolean;
  readonly tail?: string;
}

/** `TASK/ROUND` of an id, or `undefined` for the id of a run. */
export function roundOf(id: string): { readonly task: string; readonly round: string } | undefined {
  const [, task, round] = /^(.+)\/(\d+)$/.exec(id) ?? [];
  return task === undefined || round === undefined ? undefined : { task, round };
}

/**
 * Prints the log of a run, or of `TASK/ROUND`. A server ends a stream when its request's time is over: it is then opened
 * again behind the last line.
 */
export async function printLogs(
  session: Session,
  id: string,
  { follow, tail }: LogFlags,
  show: (text: string) => void,
): Promise<void> {
  const round = roundOf(id);
  const path = `${round === undefined ? pathOf(id) : pathOf('tasks', round.task, 'rounds', round.round)}/logs`;
  const query = queryOf({ follow, tail, timestamps: true });
  try {
    for (;;) {
      const response = await session.client().open('aggregate', path, { query, accept: 'text/plain' });
      if (!response.ok)
        throw problemError('aggregate', { status: response.status, body: parseOr(await response.text()) });
      const last = await showLines(response, show);
      if (last.isWhole || follow !== true) return;
      if (last.time !== undefined) query.set('after', last.time);
      query.delete('tail');
    }
  } catch (error) {
    if (session.interrupt.aborted) throw new CliError(`Detached. Resume: tio logs -f ${id}`, EXIT.detached);
    throw error;
  }
}

/** Prints the lines of a stream without their times. `isWhole`: the server ended it. */
async function showLines(response: Response, show: (text: string) => void) {
  const decoder = new TextDecoder();
  let rest = '';
  let time: string | undefined;
  try {
    for await (const chunk of response.body ?? []) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        time = line.split(' ', 1)[0] ?? '';
        show(`${line.slice(time.length + 1)}\n`);
      }
    }
    return { isWhole: true, time };
  } catch (error) {
    // fetch ends a body that breaks off with this error.
    if (error instanceof TypeError) return { isWhole: false, time };
    throw error;
  }
}
