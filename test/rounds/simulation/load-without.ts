import { registerHooks } from 'node:module';
import type { Ablation, Edit } from './ablation.ts';
import type { runSchedule } from './run-schedule.ts';

/** `source` without the rule. Throws when the line that makes it is not there exactly once. */
export const ablate = (source: string, { file, find, replace }: Edit): string => {
  const parts = source.split(find);
  if (parts.length !== 2) throw new Error(`${file} holds ${parts.length - 1} times, not once: ${find}`);
  return parts.join(replace);
};

interface RunModule {
  readonly runSchedule: typeof runSchedule;
}

const GRAPH = /\/(src\/rounds|test\/rounds\/simulation)\/[^/]+\.ts$/;
let ablations: readonly Ablation[] = [];

// A copy of the modules per rule: `?without=N` on the first is handed on to all that it imports.
const installHooks = (): void => {
  registerHooks({
    resolve: (specifier, context, nextResolve) => {
      const resolved = nextResolve(specifier, context);
      const query = /\?without=\d+$/.exec(context.parentURL ?? '')?.[0];
      return query !== undefined && GRAPH.test(resolved.url) ? { ...resolved, url: resolved.url + query } : resolved;
    },
    load: (url, context, nextLoad) => {
      const loaded = nextLoad(url, context);
      const [, file, index] = /\/src\/rounds\/([^/]+\.ts)\?without=(\d+)$/.exec(url) ?? [];
      const ablation = ablations[Number(index)];
      const edits = [ablation, ablation?.also].filter((each) => each !== undefined && each.file === file);
      if (edits.length === 0 || loaded.source === undefined || loaded.source === null) return loaded;
      const source = typeof loaded.source === 'string' ? loaded.source : new TextDecoder().decode(loaded.source);
      return {
        ...loaded,
        source: edits.reduce((text, edit) => (edit === undefined ? text : ablate(text, edit)), source),
      };
    },
  });
};

/** The simulation over a product without the rule; the product as it is stays loaded beside it. */
export const loadWithout = async (ablation: Ablation): Promise<RunModule> => {
  if (ablations.length === 0) installHooks();
  ablations = [...ablations, ablation];
  return import(`./run-schedule.ts?without=${ablations.length - 1}`);
};
