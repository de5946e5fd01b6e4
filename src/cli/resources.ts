import { CliError, EXIT } from './errors.ts';
import type { Column } from './output.ts';
import { at } from './json.ts';
import { ageText, cellText } from './output.ts';
import type { Service } from './session.ts';

/** One kind of thing that `tio get` lists: where it is, what names it, and its columns. */
export interface Resource {
  readonly service: Service;
  readonly list: string;
  /** The member of the answer that holds the list. */
  readonly member: string;
  readonly idOf: (row: Record<string, unknown>) => string;
  readonly columns: readonly Column[];
}

/** States in which nothing more happens. */
const RUN_ENDS: ReadonlySet<unknown> = new Set(['complete', 'failed', 'cancelled', 'gone', 'skipped']);

/** The kinds by the names that `tio get` takes. */
export const RESOURCES: Readonly<Record<string, Resource>> = {
  runs: {
    service: 'aggregate',
    list: '/',
    member: 'runs',
    idOf: (row) => cellText(row['aggregationId']),
    columns: [
      { head: 'NAME', value: (row) => row['aggregationId'] },
      { head: 'STATE', value: (row) => row['state'] },
      { head: 'TRIGGER', value: (row) => row['trigger'] },
      { head: 'AGE', value: (row) => ageText(row['claimedAt'], Date.now()) },
      { head: 'OUTPUT', value: (row) => row['outputPath'], wide: true },
      { head: 'WHY', value: (row) => row['why'], wide: true },
    ],
  },
  tasks: {
    service: 'aggregate',
    list: '/tasks',
    member: 'tasks',
    idOf: (row) => String(row['taskId']),
    columns: [
      { head: 'NAME', value: (row) => row['taskId'] },
      { head: 'UPLOADED', value: (row) => at(row, 'accounting', 'uploaded') },
      { head: 'PENDING', value: (row) => at(row, 'accounting', 'pending') },
      { head: 'AGGREGATED', value: (row) => at(row, 'accounting', 'aggregated') },
      { head: 'ROUND', value: (row) => at(row, 'openRound', 'round') ?? at(row, 'latest', 'round') },
      { head: 'STATE', value: (row) => at(row, 'openRound', 'state') ?? at(row, 'decision', 'kind') },
      { head: 'WHY', value: (row) => at(row, 'decision', 'reason') ?? row['problem'] },
    ],
  },
  schedules: {
    service: 'aggregate',
    list: '/schedules',
    member: 'schedules',
    idOf: (row) => String(row['name']),
    columns: [
      { head: 'NAME', value: (row) => row['name'] },
      { head: 'CRON', value: (row) => row['cron'] },
      { head: 'TIME ZONE', value: (row) => row['timeZone'] },
      { head: 'NEXT', value: (row) => row['nextTick'] },
      { head: 'EXPECTED', value: (row) => row['expected'] },
      { head: 'RAN', value: (row) => row['ran'] },
      { head: 'MISSED', value: (row) => (Array.isArray(row['missing']) ? row['missing'].length : undefined) },
    ],
  },
  releases: {
    service: 'deploy',
    list: '/',
    member: 'releases',
    idOf: (row) => String(row['release']),
    columns: [
      { head: 'NAME', value: (row) => row['release'] },
      { head: 'NAMESPACE', value: (row) => row['namespace'] },
      { head: 'REVISION', value: (row) => row['revision'] },
      { head: 'STATUS', value: (row) => row['status'] },
      { head: 'UPDATED', value: (row) => row['finishedAt'] ?? row['createdAt'] },
      { head: 'IMAGES', value: ({ images }) => (Array.isArray(images) ? images.join(',') : images), wide: true },
      { head: 'DESCRIPTION', value: (row) => row['description'], wide: true },
    ],
  },
};

/** The kind of a name, singular or plural. Throws CliError (2) for another one. */
export function resourceOf(kind: string): Resource & { readonly kind: string } {
  const name = kind in RESOURCES ? kind : `${kind}s`;
  const resource = RESOURCES[name];
  if (resource !== undefined) return { ...resource, kind: name };
  throw new CliError(
    `"${kind}" is not a kind. Kinds: ${[...Object.keys(RESOURCES), 'rounds TASK'].join(', ')}`,
    EXIT.usage,
  );
}

/** Whether a run is over. */
export function isRunOver(body: unknown): boolean {
  return RUN_ENDS.has(at(body, 'state'));
}

/** Whether a run ended as it should. */
export function isRunComplete(body: unknown): boolean {
  return at(body, 'state') === 'complete';
}

/** `nightly-20261122-0200 running: Its pod runs.` */
export function describeRun(body: unknown): string {
  return `${cellText(at(body, 'aggregationId'))} ${cellText(at(body, 'state'))}: ${cellText(at(body, 'why'))}`;
}

/** The verdict on a task in one line. */
export function describeTask(body: unknown): string {
  const round = at(body, 'openRound', 'round');
  const where = round === undefined ? '' : ` round ${cellText(round)} ${cellText(at(body, 'openRound', 'state'))}:`;
  return `${cellText(at(body, 'taskId'))}:${where} ${cellText(at(body, 'decision', 'reason'))}`;
}
