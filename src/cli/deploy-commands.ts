import type { Command } from 'commander';
import { Option } from 'commander';
import { CliError, EXIT } from './errors.ts';
import { at, parseOr, recordsAt } from './json.ts';
import { cellText, documentText, tableText } from './output.ts';
import { problemError } from './problem.ts';
import type { OutputFlags, Session } from './session.ts';
import { parseSeconds, pathOf, print, queryOf, withOutput } from './session.ts';
import type { ValuesFlags } from './values-input.ts';
import { readValues, withValues } from './values-input.ts';

interface ReleaseFlags extends OutputFlags {
  readonly timeout?: number;
  readonly onFailure?: string;
  readonly description?: string;
}

interface DeployFlags extends ReleaseFlags, ValuesFlags {
  readonly dryRun?: string | true;
  readonly forceConflicts?: boolean;
  readonly adopt?: boolean;
}

/** Adds the commands for releases, with the names of helm; they call `deploy`. */
export function addDeployCommands(program: Command, session: Session): void {
  const { client } = session;

  withWaits(withValues(program.command('deploy <release>')))
    .description('install or upgrade repository and flea (helm upgrade --install --atomic --wait)')
    .addOption(new Option('--dry-run [mode]', 'print what would change, write nothing').choices(['client', 'server']))
    .option('--force-conflicts', 'take over fields that another manager set')
    .option('--adopt', 'take over a release that helm installed')
    .action(async (release: string, flags: DeployFlags) => {
      const { body, query } = await readValues(flags, session.stdin);
      const { adopt, forceConflicts: force } = flags;
      const dryRun = flags.dryRun === true ? 'server' : flags.dryRun;
      for (const [name, value] of queryOf({ ...waitsOf(flags), dryRun, adopt, force })) query.append(name, value);
      await send(session, flags, release, { method: 'POST', path: pathOf(release), query, body });
    });

  withValues(program.command('template <release>').description('print the objects as YAML (helm template)')).action(
    async (release: string, flags: ValuesFlags) => {
      const { body, query } = await readValues(flags, session.stdin);
      query.set('dryRun', 'client');
      const call = { method: 'POST', query, body, accept: 'application/yaml' } as const;
      session.out(String((await client().call('deploy', pathOf(release), call)).body));
    },
  );

  withValues(program.command('lint').description('check values without the cluster (helm lint)')).action(
    async (flags: ValuesFlags) => {
      const { body, query } = await readValues(flags, session.stdin);
      query.set('dryRun', 'client');
      const answer = await client().call('deploy', '/lint', { method: 'POST', query, body });
      const warnings = at(answer.body, 'warnings');
      for (const warning of Array.isArray(warnings) ? warnings : []) session.err(`warning: ${cellText(warning)}\n`);
      session.out('The values are valid.\n');
    },
  );

  withValues(program.command('diff <release>'))
    .description('compare the cluster with values, or without -f with the released revision (helm diff)')
    .option('--exit-code', 'exit with 1 when there is a difference')
    .action(async (release: string, flags: ValuesFlags & { exitCode?: boolean }) => {
      const { body, query } = await readValues(flags, session.stdin);
      const posted = body === '' && query.size === 0 ? {} : { method: 'POST' as const, body, query };
      const answer = await client().call('deploy', pathOf(release, 'diff'), { ...posted, accept: 'text/plain' });
      const text = String(answer.body);
      session.out(text);
      if (flags.exitCode === true && text.trim() !== '') throw new CliError('There are differences.', EXIT.failed);
    });

  withOutput(
    program.command('status <release>').description('show what runs and whether it is healthy (helm status)'),
  ).action(async (release: string, flags: OutputFlags) => {
    const { body } = await client().call('deploy', pathOf(release));
    print(session, flags, body, (found) => documentText(found, 'yaml'));
  });

  withOutput(program.command('history <release>').description('list the revisions (helm history)')).action(
    async (release: string, flags: OutputFlags) => {
      const { body } = await client().call('deploy', pathOf(release, 'history'));
      print(session, flags, body, (found) => tableText(recordsAt(found, 'revisions'), REVISION_COLUMNS, flags.output));
    },
  );

  withWaits(program.command('rollback <release> [revision]'))
    .description('restore a revision, as a new one; without a number the previous one (helm rollback)')
    .option('--dry-run', 'print what would change, write nothing')
    .action(async (release: string, revision: string | undefined, flags: ReleaseFlags & { dryRun?: boolean }) => {
      const dryRun = flags.dryRun === true ? 'server' : undefined;
      const query = queryOf({ ...waitsOf(flags), revision, dryRun });
      await send(session, flags, release, { method: 'POST', path: pathOf(release, 'rollback'), query });
    });

  withOutput(program.command('uninstall <release>').description('delete the objects of a release (helm uninstall)'))
    .option('--keep', 'delete the record of the release, leave its objects')
    .option('--dry-run', 'print what would be deleted, write nothing')
    .action((release: string, { keep, dryRun, ...flags }: OutputFlags & { keep?: boolean; dryRun?: boolean }) =>
      send(session, flags, release, { method: 'DELETE', path: pathOf(release), query: queryOf({ keep, dryRun }) }),
    );
}

function withWaits(command: Command): Command {
  return withOutput(command)
    .option('--timeout <duration>', 'wait at most this long for readiness', parseSeconds)
    .option('--description <text>', 'recorded with the revision')
    .addOption(new Option('--on-failure <action>', 'default: rollback').choices(['rollback', 'keep']));
}

function waitsOf({ timeout, onFailure, description }: ReleaseFlags) {
  return { onFailure, description, timeoutSec: timeout?.toString() };
}

const REVISION_COLUMNS = [
  { head: 'REVISION', value: (row: Record<string, unknown>) => row['revision'] },
  { head: 'UPDATED', value: (row: Record<string, unknown>) => row['finishedAt'] ?? row['createdAt'] },
  { head: 'STATUS', value: (row: Record<string, unknown>) => row['status'] },
  {
    head: 'IMAGES',
    value: ({ images }: Record<string, unknown>) => (Array.isArray(images) ? images.join(',') : images),
  },
  { head: 'DESCRIPTION', value: (row: Record<string, unknown>) => row['description'] },
];

interface Change {
  readonly method: 'POST' | 'DELETE';
  readonly path: string;
  readonly query?: URLSearchParams;
  readonly body?: string;
}

/**
 * Sends a call that changes a release. Its progress may stream as NDJSON: each `message` is a line on stderr, and the
 * line `{"event":"end","status":N,"answer":{...}}` has the result.
 */
async function send(session: Session, flags: OutputFlags, release: string, call: Change): Promise<void> {
  try {
    const accept = 'application/x-ndjson, application/json;q=0.9';
    const response = await session.client().open('deploy', call.path, { ...call, accept });
    const isStream = response.headers.get('content-type')?.includes('ndjson') === true;
    const { status, body } = isStream
      ? await readEvents(session, response, release)
      : { status: response.status, body: parseOr(await response.text()) };
    if (status >= 300) throw problemError('deploy', { status, body });
    print(session, flags, body, summaryOf);
  } catch (error) {
    if (!session.interrupt.aborted) throw error;
    throw new CliError(`Detached; the call continues. See: tio status ${release}`, EXIT.detached);
  }
}

async function readEvents(session: Session, response: Response, release: string) {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of response.body ?? []) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const event of lines.map(parseOr)) {
      if (at(event, 'event') === 'end') return { status: Number(at(event, 'status')), body: at(event, 'answer') };
      if (at(event, 'message') === undefined) continue;
      session.err(`${cellText(at(event, 'time'))} ${cellText(at(event, 'message'))}\n`);
    }
  }
  throw new CliError(`The stream ended early; the call may continue. See: tio status ${release}`, EXIT.unreachable);
}

function summaryOf(body: unknown): string {
  const [revision, reason] = [at(body, 'revision'), at(body, 'reason')];
  const words = [at(body, 'release'), ...(revision === null ? [] : ['revision', revision]), at(body, 'outcome')];
  const notes = at(body, 'notes');
  const lines = [`${words.map(cellText).join(' ')}${reason === undefined ? '' : `: ${cellText(reason)}`}`];
  for (const note of Array.isArray(notes) ? notes : []) lines.push(`  ${cellText(note)}`);
  return `${lines.join('\n')}\n`;
}
