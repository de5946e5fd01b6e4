import { fieldsAt, numberAt, objectsAt, stringAt } from '../json.ts';
import type { Printer } from '../resources/resource.ts';
import type { KubeObject } from '../types.ts';
import { containerCells, formatSelector, podSpecOfTemplate } from './cells.ts';
import { ageColumn, column, nameColumn, wideColumn } from './columns.ts';
import { age, humanDuration } from './duration.ts';

/** printJob of pkg/printers/internalversion/printers.go. */
export const jobPrinter: Printer = {
  columns: [
    nameColumn,
    column('Status', 'Status of the job.'),
    column('Completions', 'How many pods have succeeded, of how many.'),
    column('Duration', 'Time required to complete the job.'),
    ageColumn,
    wideColumn('Containers', 'Names of the containers of the template.'),
    wideColumn('Images', 'Images of the containers of the template.'),
    wideColumn('Selector', 'Which pods belong to the job.'),
  ],
  cells: (job, now) => [
    job.metadata.name,
    statusOf(job),
    completionsOf(job),
    durationOf(job, now),
    age(job.metadata.creationTimestamp, now),
    ...containerCells(podSpecOfTemplate(job)),
    formatSelector(fieldsAt(job, 'spec', 'selector')),
  ],
};

function statusOf(job: KubeObject): string {
  function isTrue(type: string): boolean {
    return objectsAt(job, 'status', 'conditions').some((each) => each['type'] === type && each['status'] === 'True');
  }
  if (isTrue('Complete')) return 'Complete';
  if (isTrue('Failed')) return 'Failed';
  if (job.metadata.deletionTimestamp !== undefined) return 'Terminating';
  return ['Suspended', 'FailureTarget', 'SuccessCriteriaMet'].find(isTrue) ?? 'Running';
}

function completionsOf(job: KubeObject): string {
  const succeeded = numberAt(job, 'status', 'succeeded') ?? 0;
  const completions = numberAt(job, 'spec', 'completions');
  if (completions !== undefined) return `${succeeded}/${completions}`;
  const parallelism = numberAt(job, 'spec', 'parallelism') ?? 0;
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}

function durationOf(job: KubeObject, now: Date): string {
  const start = Date.parse(stringAt(job, 'status', 'startTime'));
  if (Number.isNaN(start)) return '';
  const end = Date.parse(stringAt(job, 'status', 'completionTime'));
  return humanDuration((Number.isNaN(end) ? now.getTime() : end) - start);
}
