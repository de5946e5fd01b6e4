import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import * as z from 'zod';
import { CliError, EXIT } from './errors.ts';

const url = z.url({ protocol: /^https?$/ });

/** One set of functions: their addresses, and the account to call them as. */
const ContextSchema = z.strictObject({
  aggregate: url.optional(),
  deploy: url.optional(),
  console: url.optional(),
  impersonate: z.email().optional(),
});
const ConfigSchema = z.strictObject({
  current: z.string().optional(),
  contexts: z.record(z.string(), ContextSchema).default({}),
});

export type Context = z.infer<typeof ContextSchema>;
export type Config = z.infer<typeof ConfigSchema>;

type Environment = Readonly<Record<string, string | undefined>>;

/** The folder of the configuration: `$TIO_CONFIG_DIR`, else `tensorio-trigger` in `$XDG_CONFIG_HOME` or `~/.config`. */
export function configFolder(env: Environment): string {
  return env['TIO_CONFIG_DIR'] ?? join(env['XDG_CONFIG_HOME'] ?? join(homedir(), '.config'), 'tensorio-trigger');
}

/** The contexts on this machine; none where there is no file. Throws CliError (2) for a file that is not valid. */
export async function readConfig(env: Environment): Promise<Config> {
  const file = join(configFolder(env), 'config.json');
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return { contexts: {} };
    throw error;
  }
  try {
    return ConfigSchema.parse(JSON.parse(text));
  } catch (error) {
    const problem = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
    throw new CliError(
      `${file} is not valid: ${problem}\nCorrect it, or delete it and run "tio config set".`,
      EXIT.usage,
    );
  }
}

/** Writes the contexts. Throws CliError (2) for an address or account that is not valid. */
export async function writeConfig(env: Environment, config: Config): Promise<void> {
  const { error } = ConfigSchema.safeParse(config);
  if (error !== undefined) throw new CliError(z.prettifyError(error), EXIT.usage);
  await writePrivate(join(configFolder(env), 'config.json'), `${JSON.stringify(config, null, 2)}\n`);
}

/** Replaces a file, which only its owner can read, at once: a reader never sees half of it. */
export async function writePrivate(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const temporary = `${file}.${process.pid}`;
  await writeFile(temporary, text, { mode: 0o600 });
  await rename(temporary, file);
}

/** The context that a command uses: `--context`, else the current one, with the addresses of the environment over it. */
export async function resolveContext(env: Environment, name?: string): Promise<Context> {
  const { current, contexts } = await readConfig(env);
  const chosen = name ?? current;
  const context = chosen === undefined ? {} : contexts[chosen];
  if (context === undefined) {
    const known = Object.keys(contexts).join(', ') || 'none';
    throw new CliError(
      `There is no context "${chosen}". Contexts: ${known}. Add one: tio config set ${chosen} --aggregate URL --deploy URL`,
      EXIT.usage,
    );
  }
  const { TIO_AGGREGATE_URL: aggregate, TIO_DEPLOY_URL: deploy, TIO_CONSOLE_URL: console } = env;
  return {
    ...context,
    ...(aggregate !== undefined && { aggregate }),
    ...(deploy !== undefined && { deploy }),
    ...(console !== undefined && { console }),
  };
}
