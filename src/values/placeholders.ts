import { closest } from './nearest.ts';

/** Of ids and paths of a run; filled by `aggregation/templates.ts`. */
export const RUN_PLACEHOLDERS: readonly string[] = ['date', 'time', 'tick', 'schedule'];

/** What is wrong with the braces of `text`, in words that follow "has"; `null` when each is one of the `known` placeholders. */
export function placeholderProblem(text: string, known: readonly string[]): string | null {
  const list = known.map((name) => `{${name}}`).join(', ');
  const rest = text.replaceAll(/\{[^{}]*\}/g, '');
  if (/[{}]/.test(rest)) return `a brace without its partner; placeholders here: ${list}`;
  const unknown = [...text.matchAll(/\{([^{}]*)\}/g)]
    .map(([, name = '']) => name)
    .find((name) => !known.includes(name));
  if (unknown === undefined) return null;
  const near = closest(unknown, known);
  return `{${unknown.slice(0, 40)}}, which is no placeholder${near === undefined ? '' : `; did you mean {${near}}?`} Known here: ${list}`;
}
