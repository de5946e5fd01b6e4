import type { V1Job } from '@kubernetes/client-node';
import type { Jobs } from '../cluster/port.ts';
import { ContentionError } from '../errors.ts';
import { ANNOTATIONS, LABELS } from '../jobs/manifest.ts';
import { buildLabelValue } from '../jobs/names.ts';
import { isFinal } from './record.ts';
import type { RunRecord } from './record.ts';
import type { StateDeps } from './store.ts';
import { readRun } from './store.ts';
import { readSchedule, writeSchedule } from './schedule-state.ts';

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
export function isActiveJob(job: V1Job): boolean {
  return !(job.status?.conditions ?? []).some(
    ({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True',
  );
}

/**
 * Two runs that begin at once both look for active ones and both see none: the write of the schedule's state, which is
 * conditional on its generation, lets one of them through.
 *
 * Takes the schedule's slot for `record`, or answers the active runs that stand in its way. With `Replace` they are
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
    if (await writeSchedule(deps, schedule.name, next, generation)) return [];
  }
  throw new ContentionError(
    `The state of schedule "${schedule.name}" changed ${MAX_TRIES} times while a run began; ask again.`,
  );
}

async function activeJobs(
  deps: SlotDeps,
  record: RunRecord,
  schedule: string,
  signal?: AbortSignal,
): Promise<ActiveRun[]> {
  const selector = `${LABELS.schedule}=${buildLabelValue(schedule)}`;
  const jobs = await deps.cluster.listJobs(record.spec.namespace, selector, signal === undefined ? {} : { signal });
  return jobs
    .filter((job) => isActiveJob(job) && job.metadata?.deletionTimestamp === undefined)
    .map((job) => ({
      aggregationId: job.metadata?.annotations?.[ANNOTATIONS.aggregationId] ?? job.metadata?.name ?? '',
      why: `its Job ${job.metadata?.namespace}/${job.metadata?.name} is active`,
    }));
}

/** The holder of the slot, if it is not over: its Job may not exist yet, so the list of Jobs cannot tell. */
async function activeHolder(deps: SlotDeps, holder: string, signal?: AbortSignal): Promise<ActiveRun[]> {
  const stored = await readRun(deps, holder, signal === undefined ? {} : { signal });
  if (stored === null || isFinal(stored.record.state)) return [];
  const { state, jobName, spec, why } = stored.record;
  if (state === 'refused') return [];
  if (state === 'claimed') return [{ aggregationId: holder, why: why ?? 'it is claimed, its Job is being created' }];
  const job = await deps.cluster.getJob(spec.namespace, jobName, signal === undefined ? {} : { signal });
  return job !== null && isActiveJob(job)
    ? [{ aggregationId: holder, why: `its Job ${spec.namespace}/${jobName} is active` }]
    : [];
}
