import { readFileSync } from 'node:fs';
import type { Command as AnyCommand } from 'commander';
import { Command, CommanderError } from 'commander';
import { createClient } from './client.ts';
import { addConfigCommands } from './config-commands.ts';
import { addDeployCommands } from './deploy-commands.ts';
import { CliError, EXIT } from './errors.ts';
import type { ExitCode } from './errors.ts';
import { addGet } from './get.ts';
import { at, parseOr } from './json.ts';
import type { Format } from './output.ts';
import { documentText } from './output.ts';
import { addRunCommands } from './run-commands.ts';
import type { Client, Session } from './session.ts';

export interface Process {
  readonly argv: readonly string[];
  readonly env: Session['env'];
  readonly stdin: NodeJS.ReadableStream;
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WriteStream;
  /** Aborted by Ctrl-C. */
  readonly interrupt: AbortSignal;
}

/** Set when the command line is bundled. */
declare const TIO_VERSION: string | undefined;

/** The end of the help of `tio`. */
export const EXIT_CODES = `
Exit codes:
  0    done, or already so
  1    ended badly
  2    usage, or a request that is not valid
  3    Secrets or keys are missing
  4    conflict
  5    not reachable, not authorised, or a fault of the service
  124  still running at the timeout
  130  detached by Ctrl-C

Addresses: TIO_AGGREGATE_URL, TIO_DEPLOY_URL, else the context ("tio config").
Credentials, in this order: --token or TIO_TOKEN; --impersonate-service-account;
application default credentials; gcloud auth print-identity-token. localhost needs none.`;

/** Runs one command line. Resolves to the exit code; prints errors to stderr. */
export async function runTio(process: Process): Promise<ExitCode> {
  const program = new Command('tio');
  const session = createSession(process, program);
  let output: Format | undefined;
  addCommands(program, session);
  program.hook('preAction', (_program, action) => void (output = action.opts<{ output?: Format }>().output));
  configure(program, session);
  try {
    await program.parseAsync([...process.argv], { from: 'user' });
    return EXIT.done;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    const failure = process.interrupt.aborted && !(error instanceof CliError) ? interrupted() : error;
    if (!(failure instanceof CliError)) throw failure;
    const { message, exitCode, answer = { title: 'tio failed', detail: message } } = failure;
    if (output === 'json' || output === 'yaml') session.out(documentText(answer, output));
    session.err(`${exitCode === EXIT.detached || exitCode === EXIT.timeout ? '' : 'Error: '}${message}\n`);
    return exitCode;
  }
}

/** Adds the options and commands of `tio`. */
export function addCommands(program: Command, session: Session): void {
  program
    .description('Runs and releases federated-learning aggregation with tensorio-trigger.')
    .option('--context <name>', 'the context to use (see "tio config")')
    .option('--token <token>', 'an identity token')
    .option('--impersonate-service-account <email>', 'call as this service account')
    .addHelpText('after', EXIT_CODES)
    .showHelpAfterError('Add --help for the flags.');
  addRunCommands(program, session);
  addGet(program, session);
  addDeployCommands(program, session);
  addConfigCommands(program, session);
  program
    .command('version')
    .description('print the version')
    .action(() => session.out(`${version()}\n`));
}

function interrupted(): CliError {
  return new CliError('Interrupted. A call that was sent may still take effect.', EXIT.detached);
}

/** Errors of all commands are thrown, and printed to the streams of the session. */
function configure(command: AnyCommand, session: Session): void {
  command.exitOverride().configureOutput({ writeOut: session.out, writeErr: session.err });
  for (const child of command.commands) configure(child, session);
}

function createSession({ env, stdin, stdout, stderr, interrupt }: Process, program: Command): Session {
  let client: Client | undefined;
  return {
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    env,
    stdin,
    stderr,
    interrupt,
    client: () => {
      const { context, token, impersonateServiceAccount: impersonate } = program.opts<Record<string, string>>();
      client ??= createClient({ env, context, token, impersonate, interrupt });
      return client;
    },
  };
}

function version(): string {
  if (typeof TIO_VERSION === 'string') return TIO_VERSION;
  return String(at(parseOr(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')), 'version'));
}
