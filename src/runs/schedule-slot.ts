import type { Jobs } from '../cluster/port.ts';
import { ContentionError, UpstreamError } from '../errors.ts';
import { ANNOTATIONS, LABELS } from '../jobs/manifest.ts';
import { buildLabelValue } from '../jobs/names.ts';
import type { CallOptions } from '../storage/port.ts';
import { formatGsUri, joinGsUri } from '../storage/uri.ts';
import type { RunRecord } from './record.ts';
import { isJobLeft } from './record.ts';
import type { StateDeps } from './store.ts';
import { readRun } from './store.ts';
import type { V1Job } from '@kubernetes/client-node';
import * as z from 'zod';

export interface SlotDeps extends StateDeps {
  readonly cluster: Pick<Jobs, 'listJobs' | 'getJob'>;
  readonly now: () => Date;
}

/** A run that is not over. */
export interface ActiveRun {
  readonly aggregationId: string;
  readonly why: string;
  /** Set for a claim without a Job. */
  readonly claimedAt?: string;
}

const MAX_TRIES = 5;

/** Whether the Job has neither completed nor failed; a suspended one counts as active, as for a CronJob. */
export function isActiveJob(job: V1Job): boolean {
  return !(job.status?.conditions ?? []).some(
    ({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True',
  );
}

/**
 * Two runs that start at once both find no active run. The write of the schedule's state is conditional on its
 * generation, so only one of them gets the slot.
 *
 * Takes the schedule's slot for `record`, or returns the active runs that hold it. With `Replace` they are
 * ended by `end` first. Throws ContentionError after 5 lost races.
 */
export async function takeSlot(
  deps: SlotDeps,
  record: RunRecord,
  end: (aggregationId: string) => Promise<void>,
  signal?: AbortSignal,
): Promise<readonly ActiveRun[]> {
  const { schedule, aggregationId } = record;
  if (schedule === undefined || schedule.concurrencyPolicy === 'Allow') return [];
  for (let attempt = 0; attempt < MAX_TRIES; attempt += 1) {
    const { generation, state } = await readSchedule(deps, schedule.name);
    const holder = state.current?.aggregationId;
    if (holder === aggregationId) return [];
    const found = [
      ...(await activeJobs(deps, record, schedule.name, signal)),
      ...(holder === undefined ? [] : await activeRun(deps, holder, { signal })),
    ];
    const active = found.filter(
      (run, index) =>
        run.aggregationId !== aggregationId &&
        found.findIndex((other) => other.aggregationId === run.aggregationId) === index,
    );
    if (active.length > 0 && schedule.concurrencyPolicy === 'Forbid') return active;
    for (const run of active) await end(run.aggregationId);
    const next = { ...state, current: { aggregationId, since: deps.now().toISOString() } };
    if (await writeSchedule(deps, schedule.name, next, generation)) return [];
  }
  throw new ContentionError(
    `The state of schedule "${schedule.name}" changed ${MAX_TRIES} times while a run started; repeat the call.`,
  );
}

async function activeJobs(
  deps: SlotDeps,
  record: RunRecord,
  schedule: string,
  signal?: AbortSignal,
): Promise<ActiveRun[]> {
  const selector = `${LABELS.schedule}=${buildLabelValue(schedule)}`;
  const jobs = await deps.cluster.listJobs(record.spec.namespace, selector, { signal });
  return jobs
    .filter((job) => isActiveJob(job) && job.metadata?.deletionTimestamp === undefined)
    .map((job) => ({
      aggregationId: job.metadata?.annotations?.[ANNOTATIONS.aggregationId] ?? job.metadata?.name ?? '',
      why: `its Job ${job.metadata?.namespace}/${job.metadata?.name} is active`,
    }));
}

/** The run `id` if it is not over, else none. Its Job may not exist yet, so a list of Jobs is not enough. */
export async function activeRun(deps: SlotDeps, id: string, call: CallOptions): Promise<ActiveRun[]> {
  const stored = await readRun(deps, id, call);
  if (stored === null) return [];
  const { state, jobName, spec, why, claimedAt } = stored.record;
  if (state === 'claimed')
    return [{ aggregationId: id, why: why ?? 'it is claimed, its Job is being created', claimedAt }];
  if (state !== 'created' && !isJobLeft(stored.record)) return [];
  const job = await deps.cluster.getJob(spec.namespace, jobName, call);
  return job !== null && isActiveJob(job)
    ? [{ aggregationId: id, why: `its Job ${spec.namespace}/${jobName} is active` }]
    : [];
}

const ScheduleStateSchema = z.looseObject({
  schemaVersion: z.literal(1),
  /** The run that has the schedule's slot. */
  current: z.object({ aggregationId: z.string(), since: z.string() }).optional(),
  /** When a sweep first saw the schedule as it is: earlier ticks are not expected. */
  firstSeenAt: z.string().optional(),
  /** The rule that was seen then: its cron and time zone. */
  rule: z.string().optional(),
  /** Missing ticks up to this time have been reported. */
  toldUntil: z.string().optional(),
});

/** `schedules/<name>.json` */
export type ScheduleState = z.infer<typeof ScheduleStateSchema>;

export interface StoredSchedule {
  readonly state: ScheduleState;
  /** `'0'`: there is none yet. */
  readonly generation: string;
}

/** The state of a schedule, an empty one where there is none. Throws UpstreamError on one that cannot be understood. */
export async function readSchedule(deps: StateDeps, name: string, call: CallOptions = {}): Promise<StoredSchedule> {
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

/** Writes the state over `generation`; `false` when another call wrote first. */
export async function writeSchedule(
  deps: StateDeps,
  name: string,
  state: ScheduleState,
  generation: string,
  call: CallOptions = {},
): Promise<boolean> {
  const options = { ...call, ifGenerationMatch: generation, contentType: 'application/json' };
  return (await deps.store.write(uriOf(deps, name), `${JSON.stringify(state, null, 2)}\n`, options)) !== 'conflict';
}
