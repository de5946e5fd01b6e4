import { execFile } from 'node:child_process';
import type { Command } from 'commander';
import { readConfig, resolveContext, writeConfig } from './config.ts';
import { CliError, EXIT } from './errors.ts';
import { RESOURCES } from './resources.ts';
import type { Session } from './session.ts';
import { pathOf } from './session.ts';

/** Adds the commands about `tio` itself: `config`, `open` and `completion`. */
export function addConfigCommands(program: Command, session: Session): void {
  const { env } = session;
  const config = program.command('config').description('contexts: addresses of functions, and the account to call as');

  config
    .command('use <name>')
    .description('make a context the current one')
    .action(async (name: string) => {
      await resolveContext(env, name);
      await writeConfig(env, { ...(await readConfig(env)), current: name });
      session.out(`Current context: ${name}\n`);
    });

  config
    .command('set <name>')
    .description('add or change a context, and make it the current one')
    .option('--aggregate <url>')
    .option('--deploy <url>')
    .option('--console <url>')
    .option('--impersonate <email>')
    .action(async (name: string, flags: Record<string, string>) => {
      const { contexts } = await readConfig(env);
      await writeConfig(env, { current: name, contexts: { ...contexts, [name]: { ...contexts[name], ...flags } } });
      session.out(`Current context: ${name}\n`);
    });

  config
    .command('list')
    .description('list the contexts')
    .action(async () => {
      const { current, contexts } = await readConfig(env);
      for (const [name, context] of Object.entries(contexts)) {
        const members = Object.entries(context).map(([key, value]) => `${key}=${value}`);
        session.out(`${name === current ? '*' : ' '} ${name}  ${members.join(' ')}\n`);
      }
    });

  program
    .command('open [id]')
    .description('open the console in a browser')
    .action(async (id: string | undefined) => {
      const address = `${await session.client().address('console')}${id === undefined ? '/' : pathOf('runs', id)}`;
      session.out(`${address}\n`);
      execFile(process.platform === 'darwin' ? 'open' : 'xdg-open', [address], () => undefined);
    });

  program
    .command('completion <shell>')
    .description('print a completion script: bash, zsh or fish')
    .action((shell: string) => {
      const names = program.commands.map((command) => command.name()).join(' ');
      const kinds = [...Object.keys(RESOURCES), 'rounds'].join(' ');
      session.out(completionScript(shell, names, kinds));
    });
}

function completionScript(shell: string, names: string, kinds: string): string {
  if (shell === 'zsh') return `autoload -U +X bashcompinit && bashcompinit\n${completionScript('bash', names, kinds)}`;
  if (shell === 'fish')
    return `complete -c tio -f -n __fish_use_subcommand -a '${names}'\ncomplete -c tio -f -n '__fish_seen_subcommand_from get' -a '${kinds}'\n`;
  if (shell !== 'bash') throw new CliError(`"${shell}" is not a shell. Shells: bash, zsh, fish`, EXIT.usage);
  return `_tio() {
  local word="\${COMP_WORDS[COMP_CWORD]}"
  if [ "$COMP_CWORD" -eq 1 ]; then COMPREPLY=($(compgen -W "${names}" -- "$word"))
  elif [ "\${COMP_WORDS[1]}" = get ] && [ "$COMP_CWORD" -eq 2 ]; then COMPREPLY=($(compgen -W "${kinds}" -- "$word"))
  else COMPREPLY=($(compgen -f -- "$word")); fi
}
complete -o default -F _tio tio
`;
}
