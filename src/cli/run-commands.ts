import type { Command } from 'commander';
import { CliError, EXIT } from './errors.ts';
import { follow } from './follow.ts';
import { at } from './json.ts';
import { printLogs, roundOf } from './logs.ts';
import type { LogFlags } from './logs.ts';
import { cellText } from './output.ts';
import { describeRun, describeTask, isRunOver } from './resources.ts';
import type { OutputFlags, Session } from './session.ts';
import { parseSeconds, pathOf, print, queryOf, withOutput, write } from './session.ts';
import type { ValuesFlags } from './values-input.ts';
import { readValues, withValues } from './values-input.ts';

interface WaitFlags extends OutputFlags {
  readonly wait?: boolean;
  readonly logs?: boolean;
  readonly timeout?: number;
}

interface DryRunFlags extends OutputFlags {
  readonly dryRun?: boolean;
}

/** Adds the commands for runs and tasks, which call `aggregate`. */
export function addRunCommands(program: Command, session: Session): void {
  const { client } = session;

  withOutput(withValues(program.command('run').description('run an aggregation of a checkpoint list')))
    .option('--dry-run', 'check everything, write nothing')
    .option('--wait', 'wait until the run is over')
    .option('--logs', 'wait, and print the log of the container to stderr')
    .option('--timeout <duration>', 'wait at most this long, for example 90s or 5m (exit code 124)', parseSeconds)
    .action(async (flags: ValuesFlags & WaitFlags & DryRunFlags) => {
      const { body, query } = await readValues(flags, session.stdin);
      if (flags.dryRun === true) query.set('dryRun', 'true');
      const answer = await client().call('aggregate', '/', { method: 'POST', query, body });
      const isWaited = flags.wait === true || flags.logs === true || flags.timeout !== undefined;
      if (flags.dryRun === true || !isWaited) return print(session, flags, answer.body, runText);
      session.err(`${describeRun(answer.body)}\n`);
      await finishRun(session, cellText(at(answer.body, 'aggregationId')), flags);
    });

  withOutput(program.command('wait <id>').description('wait until a run is over'))
    .option('--logs', 'print the log of the container to stderr')
    .option('--timeout <duration>', 'wait at most this long (exit code 124)', parseSeconds)
    .action((id: string, flags: WaitFlags) => finishRun(session, id, flags));

  withOutput(program.command('why <id>'))
    .description('explain in one sentence the state of a run, or of task/NAME')
    .action(async (id: string, flags: OutputFlags) => {
      const [, kind = 'run', name = id] = /^(task|run)s?\/(.+)$/.exec(id) ?? [];
      const { body } = await client().call('aggregate', kind === 'task' ? pathOf('tasks', name) : pathOf(name));
      print(session, flags, body, (found) => `${kind === 'task' ? describeTask(found) : describeRun(found)}\n`);
    });

  program
    .command('logs <id>')
    .description('print the log of a run, or of TASK/ROUND')
    .option('-f, --follow', 'continue until the container ends')
    .option('--tail <n>', 'only the last lines')
    .action((id: string, flags: LogFlags) => printLogs(session, id, flags, session.out));

  withOutput(program.command('cancel <id>'))
    .description('cancel a run, or the open round TASK/ROUND: deletes its Job, keeps the record')
    .action(async (id: string, flags: OutputFlags) => {
      const round = roundOf(id);
      if (round === undefined) return write(session, flags, { method: 'DELETE', path: pathOf(id) }, runText);
      const path = pathOf('tasks', round.task, 'rounds', round.round);
      return write(session, flags, { method: 'DELETE', path }, (body) => `${id}: ${reasonOf(body)}\n`);
    });

  withOutput(program.command('start <task>').description('advance a task now'))
    .option('--force', 'start a round with the pending updates')
    .option('--dry-run', 'print the next step, write nothing')
    .action((task: string, { force, dryRun, ...flags }: DryRunFlags & { force?: boolean }) =>
      write(session, flags, { path: pathOf('tasks', task), query: queryOf({ force, dryRun }) }, (body) => {
        return `${task}: ${reasonOf(body)}\n`;
      }),
    );

  withOutput(program.command('redrive <task> <round>').description('repeat a failed round as a new round'))
    .option('--without <jobId...>', 'updates to leave out')
    .option('--dry-run', 'check everything, write nothing')
    .action((task: string, round: string, { without = [], dryRun, ...flags }: DryRunFlags & { without?: string[] }) => {
      const query = queryOf({ dryRun });
      for (const jobId of without) query.append('without', jobId);
      const path = pathOf('tasks', task, 'rounds', round, 'redrive');
      return write(session, flags, { path, query }, (body) => {
        return `${task}/${round} ${cellText(at(body, 'outcome'))}: ${cellText(at(body, 'reason'))}\n`;
      });
    });

  withOutput(program.command('backfill <schedule>').description('run a missed tick of a schedule'))
    .requiredOption('--tick <time>', 'the tick as "tio get schedules -o json" prints it')
    .option('--dry-run', 'check everything, write nothing')
    .action((schedule: string, { tick, dryRun, ...flags }: DryRunFlags & { tick: string }) =>
      write(
        session,
        flags,
        { path: pathOf('schedules', schedule, 'backfill'), query: queryOf({ tick, dryRun }) },
        runText,
      ),
    );

  withOutput(program.command('sweep').description('complete all due and interrupted work'))
    .option('--dry-run', 'print what is due, write nothing')
    .action(({ dryRun, ...flags }: DryRunFlags) =>
      write(session, flags, { path: '/sweep', query: queryOf({ dryRun }) }, (body) => {
        const counts = ['tasks', 'started', 'settled', 'failed', 'missedTicks'];
        return `${counts.map((name) => `${name}: ${cellText(at(body, name))}`).join(', ')}\n`;
      }),
    );
}

/** Waits for the end of a run and prints its record; a run that ended badly is exit code 1. */
async function finishRun(session: Session, id: string, flags: WaitFlags): Promise<void> {
  // The log is an extra: where it cannot be read, the run is still waited for.
  const logs =
    flags.logs === true ? printLogs(session, id, { follow: true }, session.err).catch(() => undefined) : null;
  const body = await follow(session, {
    service: 'aggregate',
    path: pathOf(id),
    isOver: isRunOver,
    describe: describeRun,
    timeoutSec: flags.timeout,
    resume: `tio wait ${id}`,
  });
  await logs;
  if (at(body, 'state') !== 'complete') throw new CliError(describeRun(body), EXIT.failed, body);
  print(session, flags, body, runText);
}

function runText(body: unknown): string {
  const outcome = at(body, 'outcome');
  const output = at(body, 'state') === 'complete' ? `  output: ${cellText(at(body, 'outputPath'))}\n` : '';
  return `${describeRun(body)}${outcome === undefined ? '' : ` (${cellText(outcome)})`}\n${output}`;
}

function reasonOf(body: unknown): string {
  return cellText(at(body, 'decision', 'reason'));
}
