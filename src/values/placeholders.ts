import type { Issue } from '../errors.ts';
import { closest } from './nearest.ts';

/** The placeholders of a run's id and paths, filled by `fillTemplate`. */
export const RUN_PLACEHOLDERS: readonly string[] = ['date', 'time', 'tick', 'schedule'];

/** The problem with the braces of `text`, phrased to follow "has"; `null` when each is one of the `known` placeholders. */
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

/** The values of the placeholders of ids and paths. */
export interface TemplateContext {
  /** The tick of a scheduled run, else the moment of the request. */
  readonly at: Date;
  readonly schedule?: string;
  readonly isTick: boolean;
}

/** `YYYYMMDD-HHMM` in UTC, as the chart's readme builds ids (`date -u +%Y%m%d-%H%M`). */
export function formatTick(at: Date): string {
  return `${dateOf(at)}-${timeOf(at)}`;
}

function dateOf(at: Date): string {
  return `${at.getUTCFullYear()}${pad(at.getUTCMonth() + 1)}${pad(at.getUTCDate())}`;
}

function pad(value: number): string {
  return String(value).padStart(2, '0');
}

// Unix-cron ticks are whole minutes; seconds appear only where they distinguish two times.
function timeOf(at: Date): string {
  return `${pad(at.getUTCHours())}${pad(at.getUTCMinutes())}${at.getUTCSeconds() === 0 ? '' : pad(at.getUTCSeconds())}`;
}

/** Whether `text` has a placeholder at all. */
export function hasPlaceholder(text: string): boolean {
  return /\{[^{}]*\}/.test(text);
}

/** `text` with its placeholders filled; each one that cannot be is pushed to `issues` under `path`. */
export function fillTemplate(text: string, context: TemplateContext, path: string, issues: Issue[]): string {
  return text.replaceAll(/\{([^{}]*)\}/g, (whole, name: string) => {
    const value = valueOf(name, context);
    if (typeof value === 'string') return value;
    issues.push({ path, message: value.problem });
    return whole;
  });
}

function valueOf(name: string, context: TemplateContext): string | { readonly problem: string } {
  switch (name) {
    case 'date':
      return dateOf(context.at);
    case 'time':
      return context.isTick ? timeOf(context.at) : `${pad(context.at.getUTCHours())}${pad(context.at.getUTCMinutes())}`;
    case 'tick':
      return context.isTick
        ? formatTick(context.at)
        : { problem: '{tick} is known in scheduled runs only; use {date}-{time}' };
    case 'schedule':
      return context.schedule ?? { problem: '{schedule} is known only in runs of a schedule; set `schedule`' };
    default: {
      const near = closest(name, RUN_PLACEHOLDERS);
      const hint = near === undefined ? '' : `; did you mean {${near}}?`;
      return {
        problem: `{${name}} is not a placeholder${hint} Known: ${RUN_PLACEHOLDERS.map((p) => `{${p}}`).join(', ')}`,
      };
    }
  }
}
