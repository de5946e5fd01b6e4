import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import { CliError, EXIT } from './errors.ts';

export interface ValuesFlags {
  readonly filename?: readonly string[];
  readonly set?: readonly string[];
  readonly setString?: readonly string[];
  readonly setJson?: readonly string[];
  readonly setFile?: readonly string[];
}

export interface ValuesInput {
  /** YAML; empty without files. */
  readonly body: string;
  readonly query: URLSearchParams;
}

/** Adds helm's flags for values. */
export function withValues(command: Command): Command {
  return command
    .option('-f, --filename <file>', 'a values file, or - for stdin; repeatable, a later one wins', collect)
    .option('--set <path=value>', 'set a value; repeatable, commas separate several', collect)
    .option('--set-string <path=value>', 'set a value as text; repeatable', collect)
    .option('--set-json <path=json>', 'set a value to JSON; repeatable', collect)
    .option('--set-file <path=file>', 'set a value to the content of a file; repeatable', collect);
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

/**
 * Values files and `--set` flags as a request carries them: the files as documents of one YAML stream, of which a later one
 * wins. `--set-file` counts as a last file. Throws CliError (2) for a file that cannot be read and for a flag without `=`.
 */
export async function readValues(flags: ValuesFlags, stdin: NodeJS.ReadableStream): Promise<ValuesInput> {
  const query = new URLSearchParams();
  for (const set of flags.set ?? []) query.append('set', set);
  for (const set of flags.setString ?? []) query.append('set-string', set);
  for (const set of flags.setJson ?? []) query.append('set-json', set);
  const files: string[] = [];
  for (const file of flags.filename ?? []) files.push(await readText(file, '-f', stdin));
  for (const flag of flags.setFile ?? []) {
    const split = flag.indexOf('=');
    if (split < 1) throw new CliError(`--set-file ${flag} has no "=": write --set-file path.of.value=FILE`, EXIT.usage);
    const content = await readText(flag.slice(split + 1), '--set-file', stdin);
    files.push(JSON.stringify(nest(flag.slice(0, split), content)));
  }
  const [first = ''] = files;
  return { body: files.length < 2 ? first : files.map((text) => text.replace(/\n*$/, '\n')).join('---\n'), query };
}

async function readText(file: string, flag: string, stdin: NodeJS.ReadableStream): Promise<string> {
  if (file === '-') return text(stdin);
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new CliError(
      `${flag} ${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      EXIT.usage,
    );
  }
}

/** `a.b` and a text as `{ a: { b: text } }`; `\.` is a dot in a name, as in helm. */
function nest(path: string, value: string): unknown {
  const names = path.split(/(?<!\\)\./).map((name) => name.replaceAll('\\.', '.'));
  return names.reduceRight<unknown>((inner, name) => ({ [name]: inner }), value);
}
