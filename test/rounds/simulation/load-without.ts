import { registerHooks } from 'node:module';
import type { Ablation } from './ablation.ts';

/** `source` without the rule. Throws when the line that makes it is not there exactly once. */
export const ablate = (source: string, { rule, file, find, replace }: Ablation): string => {
  const parts = source.split(find);
  if (parts.length !== 2) throw new Error(`"${rule}": ${file} holds its line ${parts.length - 1} times, not once`);
  return parts.join(replace);
};

/** Every module loaded from now on is loaded without the rule. */
export const loadWithout = (ablation: Ablation): void => {
  registerHooks({
    load: (url, context, nextLoad) => {
      const loaded = nextLoad(url, context);
      if (!url.endsWith(`/src/rounds/${ablation.file}`) || loaded.source === undefined || loaded.source === null)
        return loaded;
      const source = typeof loaded.source === 'string' ? loaded.source : new TextDecoder().decode(loaded.source);
      return { ...loaded, source: ablate(source, ablation) };
    },
  });
};
