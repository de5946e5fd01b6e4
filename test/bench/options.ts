import { parseArgs } from 'node:util';
import type { Effort } from './section.ts';

export const HELP = `npm run bench -- [options]      what the product costs, in time, calls and memory

  --quick       small sizes, under a minute
  --full        the sizes that take long, too
  --only NAME   this section alone (repeatable): trigger, release, bundle,
                aggregator, events, advance, sweep
  --json        one JSON document instead of tables
  --help
`;

export type BenchOptions =
  | { readonly kind: 'run'; readonly effort: Effort; readonly json: boolean; readonly only: readonly string[] }
  | { readonly kind: 'help' }
  | { readonly kind: 'refused'; readonly message: string };

const parse = (args: readonly string[]) =>
  parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      full: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true, default: [] },
      help: { type: 'boolean', short: 'h', default: false },
    },
  }).values;

/** What the command line asks for; `names` are those of the sections. */
export const parseBenchOptions = (args: readonly string[], names: readonly string[]): BenchOptions => {
  let values: ReturnType<typeof parse>;
  try {
    values = parse(args);
  } catch (error) {
    return { kind: 'refused', message: error instanceof Error ? error.message : String(error) };
  }
  if (values.help) return { kind: 'help' };
  if (values.quick && values.full) return { kind: 'refused', message: '--quick and --full contradict each other' };
  const only = values.only.flatMap((text) => text.split(','));
  const unknown = only.find((name) => !names.includes(name));
  if (unknown !== undefined) return { kind: 'refused', message: `--only "${unknown}": there is no such section` };
  const effort = values.quick ? 'quick' : values.full ? 'full' : 'normal';
  return { kind: 'run', effort, json: values.json, only };
};
