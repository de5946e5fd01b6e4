import type { V1Job } from '@kubernetes/client-node';
import { ANNOTATIONS, buildJob } from '../jobs/manifest.ts';
import type { RunRecord } from './record.ts';
import { withStep } from './record.ts';
import { specHash } from '../jobs/spec.ts';

/** The Job that a run's record asks for. */
export function jobOf(record: Pick<RunRecord, 'spec' | 'jobName'>): V1Job {
  return buildJob(record.spec, { name: record.jobName });
}

/** Whether a Job found under the run's name is the run's own: same run, same specification. */
export function isJobOf(record: RunRecord, job: V1Job): boolean {
  return (
    job.metadata?.annotations?.[ANNOTATIONS.aggregationId] === record.aggregationId &&
    job.metadata.annotations[ANNOTATIONS.specHash] === specHash(record.spec)
  );
}

/** `record` with its Job seen to exist; unchanged where that is known already, or the run is over. */
export function withJob(record: RunRecord, job: V1Job, now: Date, list?: RunRecord['list']): RunRecord {
  if (record.state !== 'claimed' && record.state !== 'refused') return record;
  const { why: _settled, ...rest } = record;
  const { namespace = '', name = '', uid = '' } = job.metadata ?? {};
  const created = { ...rest, state: 'created' as const, job: { namespace, name, uid }, createdAt: now.toISOString() };
  return withStep({ ...created, ...(list !== undefined && { list }) }, now, `Job ${namespace}/${name} created`);
}
