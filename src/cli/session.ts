import type { Command } from 'commander';
import { InvalidArgumentError, Option } from 'commander';
import type { Format } from './output.ts';
import { documentText, FORMATS } from './output.ts';

export interface Call {
  readonly method?: 'GET' | 'POST' | 'DELETE';
  readonly query?: URLSearchParams | undefined;
  readonly body?: string | undefined;
  readonly accept?: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** The parsed JSON of a JSON answer, else its text. */
  readonly body: unknown;
}

export type Service = 'aggregate' | 'deploy';

/** The functions of one context. */
export interface Client {
  /** Throws CliError for every answer that is not 2xx. */
  call(service: Service, path: string, call?: Call): Promise<Answer>;
  /** The unread answer, whatever its status. */
  open(service: Service, path: string, call?: Call): Promise<Response>;
  /** The address of a function. Throws CliError (2) where the context has none. */
  address(service: Service | 'console'): Promise<string>;
}

/** What a command works with. The result goes to `out` (stdout), everything else to `err` (stderr). */
export interface Session {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: NodeJS.ReadableStream;
  readonly stderr: NodeJS.WriteStream;
  /** Aborted by Ctrl-C. */
  readonly interrupt: AbortSignal;
  /** The client of the chosen context; created at the first use, when the flags are parsed. */
  readonly client: () => Client;
}

export interface OutputFlags {
  readonly output: Format;
}

/** Adds `-o`. */
export function withOutput(command: Command): Command {
  return command.addOption(new Option('-o, --output <format>', 'output format').choices([...FORMATS]).default('table'));
}

/** Prints a result: as a document where `-o` asks for one, else as `text` writes it. */
export function print(session: Session, { output }: OutputFlags, body: unknown, text: (body: unknown) => string): void {
  session.out(output === 'json' || output === 'yaml' ? documentText(body, output) : text(body));
}

export interface Write {
  readonly service?: Service;
  readonly method?: 'POST' | 'DELETE';
  readonly path: string;
  readonly query?: URLSearchParams;
}

/** Sends a call that changes something, and prints its answer. */
export async function write(
  session: Session,
  flags: OutputFlags,
  { service = 'aggregate', method = 'POST', path, query }: Write,
  text: (body: unknown) => string,
): Promise<void> {
  const { body } = await session.client().call(service, path, { method, query });
  print(session, flags, body, text);
}

/** A path of these segments. */
export function pathOf(...segments: readonly string[]): string {
  return segments.map((segment) => `/${encodeURIComponent(segment)}`).join('');
}

/** A query of the members that are given. */
export function queryOf(members: Readonly<Record<string, string | boolean | undefined>>): URLSearchParams {
  return new URLSearchParams(
    Object.entries(members).flatMap(([name, value]): [string, string][] =>
      value === undefined || value === false ? [] : [[name, String(value)]],
    ),
  );
}

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 };

/** The seconds of a flag: `90s`, `5m`, `1h30m` or a number of seconds. Throws commander's error for another form. */
export function parseSeconds(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  const parts = [...text.matchAll(/(\d+)([smh])/g)];
  if (parts.length > 0 && parts.map(([whole]) => whole).join('') === text)
    return parts.reduce((sum, [, number, unit = 's']) => sum + Number(number) * (UNITS[unit] ?? 1), 0);
  throw new InvalidArgumentError('Write a duration such as 90s, 5m or 1h30m.');
}
