import type { Command } from 'commander';
import { CliError, EXIT } from './errors.ts';
import { follow } from './follow.ts';
import { at, recordsAt } from './json.ts';
import { cellText, documentText, tableText } from './output.ts';
import type { Column, Format } from './output.ts';
import { isRunOver, resourceOf } from './resources.ts';
import type { OutputFlags, Session } from './session.ts';
import { pathOf, queryOf, withOutput } from './session.ts';

interface GetFlags extends OutputFlags {
  readonly watch?: boolean;
  readonly limit?: string;
  readonly state?: string;
  readonly revision?: string;
}

/** Parts of a release, as helm get prints them. */
const PARTS: ReadonlySet<string> = new Set(['manifest', 'values', 'notes']);

/** Adds `get`: lists, and single things as YAML. */
export function addGet(program: Command, session: Session): void {
  withOutput(program.command('get <kind> [id]'))
    .description(
      'list runs, tasks, rounds (of a task), releases or schedules, or show one; or print the manifest, values or notes of a release',
    )
    .option('-w, --watch', 'show one, and again whenever it changes')
    .option('--limit <n>', 'at most this many')
    .option('--state <state>', 'only runs in this state')
    .option('--revision <n>', 'of a manifest, values or notes; default: the current one')
    .action((kind: string, id: string | undefined, flags: GetFlags) => {
      if (kind === 'rounds' || kind === 'round') return listRounds(session, id, flags.output);
      if (PARTS.has(kind)) return showPart(session, kind, id, flags);
      return id === undefined ? list(session, kind, flags) : show(session, kind, id, flags);
    });
}

async function list(session: Session, kind: string, { limit, state, output }: GetFlags): Promise<void> {
  const resource = resourceOf(kind);
  const { body } = await session.client().call(resource.service, resource.list, { query: queryOf({ limit, state }) });
  const rows = recordsAt(body, resource.member);
  if (output === 'json' || output === 'yaml') return session.out(documentText(body, output));
  if (output === 'name') return session.out(rows.map((row) => `${resource.idOf(row)}\n`).join(''));
  if (rows.length === 0) return session.err(`No ${resource.kind}.\n`);
  session.out(tableText(rows, resource.columns, output));
  if (at(body, 'nextPageToken') !== undefined) session.err('There are more; see --limit.\n');
}

async function show(session: Session, kind: string, id: string, { watch, output }: GetFlags): Promise<void> {
  const resource = resourceOf(kind);
  const path =
    resource.kind === 'schedules' ? '/schedules' : pathOf(...(resource.kind === 'tasks' ? ['tasks', id] : [id]));
  function print(body: unknown): void {
    const row = resource.kind === 'schedules' ? recordsAt(body, 'schedules').find(({ name }) => name === id) : body;
    if (row === undefined) throw new CliError(`There is no schedule "${id}".`, EXIT.failed);
    session.out(output === 'name' ? `${id}\n` : documentText(row, output === 'json' ? 'json' : 'yaml'));
  }
  if (watch !== true) return print((await session.client().call(resource.service, path)).body);
  let last = '';
  await follow(session, {
    service: resource.service,
    path,
    isOver: (body) => {
      const text = JSON.stringify(body);
      if (text !== last) print(body);
      last = text;
      return resource.kind === 'runs' && isRunOver(body);
    },
    describe: () => `Watching ${id}`,
    resume: `tio get ${kind} ${id} -w`,
  });
}

/** The rounds of a task, as `tio get rounds TASK` lists them. */
const ROUND_COLUMNS: readonly Column[] = [
  { head: 'ROUND', value: (row) => row['round'] },
  { head: 'STATE', value: (row) => row['state'] ?? row['status'] },
  { head: 'ATTEMPT', value: (row) => row['attempt'] ?? row['attempts'] },
  { head: 'UPDATES', value: (row) => row['updates'] },
  { head: 'STARTED', value: (row) => row['startedAt'] },
  { head: 'OUTPUT', value: (row) => row['outputPath'], wide: true },
  { head: 'WHY', value: (row) => row['why'] ?? row['reason'] },
];

async function listRounds(session: Session, task: string | undefined, output: Format): Promise<void> {
  if (task === undefined) throw new CliError('Name the task: tio get rounds TASK', EXIT.usage);
  const { body } = await session.client().call('aggregate', pathOf('tasks', task));
  const open = at(body, 'openRound');
  const rows = [...recordsAt({ open: [open] }, 'open'), ...recordsAt(body, 'rounds')];
  if (output === 'json' || output === 'yaml') return session.out(documentText(rows, output));
  if (output === 'name') return session.out(rows.map(({ round }) => `${task}/${cellText(round)}\n`).join(''));
  if (rows.length === 0) return session.err(`No rounds of ${task}.\n`);
  session.out(tableText(rows, ROUND_COLUMNS, output));
}

async function showPart(session: Session, part: string, release: string | undefined, flags: GetFlags): Promise<void> {
  if (release === undefined) throw new CliError(`Name the release: tio get ${part} RELEASE`, EXIT.usage);
  const accept = flags.output === 'json' ? 'application/json' : 'application/yaml, text/plain';
  const query = queryOf({ revision: flags.revision });
  const { body } = await session.client().call('deploy', pathOf(release, part), { query, accept });
  session.out(typeof body === 'string' ? body : documentText(body, 'json'));
}
