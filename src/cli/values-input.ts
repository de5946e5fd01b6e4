import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import type { ParsedNode } from 'yaml';
import { isMap, parseDocument } from 'yaml';
import type { Command } from 'commander';
import { CliError, EXIT } from './errors.ts';

export interface ValuesFlags {
  readonly filename?: readonly string[];
  readonly set?: readonly string[];
  readonly setString?: readonly string[];
  readonly setFile?: readonly string[];
}

export interface ValuesInput {
  /** One YAML document; empty without files. */
  readonly body: string;
  readonly query: URLSearchParams;
}

/** Adds helm's flags for values. */
export function withValues(command: Command): Command {
  return command
    .option('-f, --filename <file>', 'a values file, or - for stdin; repeatable, a later one wins', collect)
    .option('--set <path=value>', 'set a value; repeatable, commas separate several', collect)
    .option('--set-string <path=value>', 'set a value as text; repeatable', collect)
    .option('--set-file <path=file>', 'set a value to the content of a file; repeatable', collect);
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

/**
 * Values files and `--set` flags as a request carries them. One file is sent as it is; several are merged map by map, a
 * later one over an earlier one, as helm does. `--set-file` counts as the last file. Throws CliError (2) for a file that
 * cannot be read and for a flag without `=`.
 */
export async function readValues(flags: ValuesFlags, stdin: NodeJS.ReadableStream): Promise<ValuesInput> {
  const query = new URLSearchParams();
  for (const set of flags.set ?? []) query.append('set', set);
  for (const set of flags.setString ?? []) query.append('set-string', set);
  const files = await Promise.all(
    (flags.filename ?? []).map(async (file) => ({ name: file, text: await readText(file, '-f', stdin) })),
  );
  for (const flag of flags.setFile ?? []) {
    const split = flag.indexOf('=');
    if (split < 1) throw new CliError(`--set-file ${flag} has no "=": write --set-file path.of.value=FILE`, EXIT.usage);
    const content = await readText(flag.slice(split + 1), '--set-file', stdin);
    files.push({ name: flag, text: JSON.stringify(nest(flag.slice(0, split), content)) });
  }
  const [first] = files;
  return { body: first === undefined || files.length === 1 ? (first?.text ?? '') : mergeFiles(files), query };
}

/** Merges the trees of the files, so that a number keeps its form: the tag 1.0 is not 1. */
function mergeFiles(files: readonly { readonly name: string; readonly text: string }[]): string {
  const [base, ...later] = files.map(({ name, text: source }) => {
    const document = parseDocument(source);
    const [error] = document.errors;
    if (error !== undefined) throw new CliError(`${name}: ${error.message}`, EXIT.usage);
    return document;
  });
  if (base === undefined) return '';
  for (const { contents } of later) base.contents = merge(base.contents, contents);
  return base.toString();
}

function merge(under: ParsedNode | null, over: ParsedNode | null): ParsedNode | null {
  if (over === null) return under;
  if (!isMap(under) || !isMap(over)) return over;
  for (const { key, value } of over.items) {
    const old = under.items.find((pair) => String(pair.key) === String(key));
    if (old === undefined) under.add({ key, value });
    else old.value = merge(old.value, value);
  }
  return under;
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
