import type { V1Job } from '@kubernetes/client-node';
import { z } from 'zod';
import type { Jobs } from '../cluster/port.ts';
import { ContentionError, UpstreamError } from '../errors.ts';
import { formatGsUri, joinGsUri } from '../storage/uri.ts';
import { ANNOTATIONS, LABELS } from './job.ts';
import { buildLabelValue } from './names.ts';
import { isFinal } from './run-record.ts';
import type { RunRecord } from './run-record.ts';
import type { StateDeps } from './run-store.ts';
import { readRun } from './run-store.ts';

/**
 * `schedules/<name>.json`: the run that has the schedule's slot. Two runs that begin at once both look for active ones
 * and both see none; the write of this object, conditional on its generation, lets one of them through.
 */
const ScheduleStateSchema = z.looseObject({
  schemaVersion: z.literal(1),
  current: z.object({ aggregationId: z.string(), since: z.string() }).optional(),
});

export interface SlotDeps extends StateDeps {
  readonly cluster: Pick<Jobs, 'listJobs' | 'getJob'>;
  readonly now: () => Date;
}

/** A run of the schedule that is not over. */
export interface ActiveRun {
  readonly aggregationId: string;
  readonly why: string;
}

const MAX_TRIES = 5;

/** Whether the Job has neither completed nor failed; a suspended one counts as active, as for a CronJob. */
export const isActiveJob = (job: V1Job): boolean =>
  !(job.status?.conditions ?? []).some(
    ({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True',
  );

const activeJobs = async (
  deps: SlotDeps,
  record: RunRecord,
  schedule: string,
  signal?: AbortSignal,
): Promise<ActiveRun[]> => {
  const selector = `${LABELS.schedule}=${buildLabelValue(schedule)}`;
  const jobs = await deps.cluster.listJobs(record.spec.namespace, selector, signal === undefined ? {} : { signal });
  return jobs
    .filter((job) => isActiveJob(job) && job.metadata?.deletionTimestamp === undefined)
    .map((job) => ({
      aggregationId: job.metadata?.annotations?.[ANNOTATIONS.aggregationId] ?? job.metadata?.name ?? '',
      why: `its Job ${job.metadata?.namespace}/${job.metadata?.name} is active`,
    }));
};

/** The holder of the slot, if it is not over: its Job may not exist yet, so the list of Jobs cannot tell. */
const activeHolder = async (deps: SlotDeps, holder: string, signal?: AbortSignal): Promise<ActiveRun[]> => {
  const stored = await readRun(deps, holder, signal === undefined ? {} : { signal });
  if (stored === null || isFinal(stored.record.state)) return [];
  const { state, jobName, spec, why } = stored.record;
  if (state === 'refused') return [];
  if (state === 'claimed') return [{ aggregationId: holder, why: why ?? 'it is claimed, its Job is being created' }];
  const job = await deps.cluster.getJob(spec.namespace, jobName, signal === undefined ? {} : { signal });
  return job !== null && isActiveJob(job)
    ? [{ aggregationId: holder, why: `its Job ${spec.namespace}/${jobName} is active` }]
    : [];
};

const readState = async (deps: SlotDeps, schedule: string) => {
  const uri = joinGsUri(deps.stateUri, `schedules/${schedule}.json`);
  const stored = await deps.store.read(uri);
  if (stored === null || stored === 'unchanged') return { uri, generation: '0', state: { schemaVersion: 1 as const } };
  try {
    const state = ScheduleStateSchema.parse(JSON.parse(stored.text));
    return { uri, generation: stored.info.generation, state };
  } catch (cause) {
    const remedy = 'Restore an earlier generation of it, or deploy the newer revision again.';
    throw new UpstreamError(
      `The schedule’s state ${formatGsUri(uri)} cannot be read: it is damaged, or a newer revision wrote it. ${remedy}`,
      { cause },
    );
  }
};

const holderOf = (state: z.infer<typeof ScheduleStateSchema>): string | undefined => state.current?.aggregationId;

/**
 * Takes the schedule's slot for `record`, or answers the active runs that stand in its way. With `Replace` they are
 * ended by `end` first. Throws ContentionError after 5 lost races.
 */
export const takeSlot = async (
  deps: SlotDeps,
  record: RunRecord,
  end: (aggregationId: string) => Promise<void>,
  signal?: AbortSignal,
): Promise<readonly ActiveRun[]> => {
  const { schedule, aggregationId } = record;
  if (schedule === undefined || schedule.concurrencyPolicy === 'Allow') return [];
  for (let attempt = 0; attempt < MAX_TRIES; attempt += 1) {
    const { uri, generation, state } = await readState(deps, schedule.name);
    const holder = holderOf(state);
    if (holder === aggregationId) return [];
    const found = [
      ...(await activeJobs(deps, record, schedule.name, signal)),
      ...(holder === undefined ? [] : await activeHolder(deps, holder, signal)),
    ];
    const active = found.filter(
      (run, index) =>
        run.aggregationId !== aggregationId &&
        found.findIndex((other) => other.aggregationId === run.aggregationId) === index,
    );
    if (active.length > 0 && schedule.concurrencyPolicy === 'Forbid') return active;
    for (const run of active) await end(run.aggregationId);
    const next = { ...state, current: { aggregationId, since: deps.now().toISOString() } };
    const written = await deps.store.write(uri, `${JSON.stringify(next, null, 2)}\n`, {
      ifGenerationMatch: generation,
      contentType: 'application/json',
    });
    if (written !== 'conflict') return [];
  }
  throw new ContentionError(
    `The state of schedule "${schedule.name}" changed ${MAX_TRIES} times while a run began; ask again.`,
  );
};
