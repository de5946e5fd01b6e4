import { z } from 'zod';
import { UpstreamError } from '../errors.ts';
import { formatGsUri, joinGsUri } from '../storage/uri.ts';
import type { StateDeps } from './store.ts';

const ScheduleStateSchema = z.looseObject({
  schemaVersion: z.literal(1),
  /** The run that has the schedule's slot. */
  current: z.object({ aggregationId: z.string(), since: z.string() }).optional(),
  /** When a sweep first saw the schedule in the values: earlier ticks are not expected. */
  firstSeenAt: z.string().optional(),
  /** Missing ticks up to this moment have been told. */
  toldUntil: z.string().optional(),
});

/** `schedules/<name>.json` */
export type ScheduleState = z.infer<typeof ScheduleStateSchema>;

export interface StoredSchedule {
  readonly state: ScheduleState;
  /** `'0'`: there is none yet. */
  readonly generation: string;
}

interface Call {
  readonly signal?: AbortSignal;
}

/** The state of a schedule, an empty one where there is none. Throws UpstreamError on one that cannot be understood. */
export async function readSchedule(deps: StateDeps, name: string, call: Call = {}): Promise<StoredSchedule> {
  const uri = uriOf(deps, name);
  const stored = await deps.store.read(uri, call);
  if (stored === null || stored === 'unchanged') return { state: { schemaVersion: 1 }, generation: '0' };
  try {
    return { state: ScheduleStateSchema.parse(JSON.parse(stored.text)), generation: stored.info.generation };
  } catch (cause) {
    const what = `The schedule’s state ${formatGsUri(uri)} cannot be read: it is damaged, or a newer revision wrote it.`;
    throw new UpstreamError(`${what} Restore an earlier generation of it, or deploy the newer revision again.`, {
      cause,
    });
  }
}

function uriOf(deps: StateDeps, name: string) {
  return joinGsUri(deps.stateUri, `schedules/${name}.json`);
}

/** Writes the state over `generation`; `false` when somebody else was first. */
export async function writeSchedule(
  deps: StateDeps,
  name: string,
  state: ScheduleState,
  generation: string,
  call: Call = {},
): Promise<boolean> {
  const options = { ...call, ifGenerationMatch: generation, contentType: 'application/json' };
  return (await deps.store.write(uriOf(deps, name), `${JSON.stringify(state, null, 2)}\n`, options)) !== 'conflict';
}
