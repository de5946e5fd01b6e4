import type { Issue } from '../errors.ts';
import { closest } from './nearest.ts';
import { placeholdersOf } from './object-pattern.ts';

/** The placeholders of a run's id and paths, filled by `fillTemplate`. */
export const RUN_PLACEHOLDERS: readonly string[] = ['date', 'time', 'tick', 'schedule'];

/** The problem with the braces of `text`, phrased to follow "has"; `null` when each is one of the `known` placeholders. */
export function placeholderProblem(text: string, known: readonly string[]): string | null {
  if (/[{}]/.test(text.replaceAll(/\{[^{}]*\}/g, ''))) {
    return `a brace without its partner; placeholders here: ${braces(known)}`;
  }
  const unknown = placeholdersOf({ text }).find((name) => !known.includes(name));
  return unknown === undefined ? null : `{${unknown.slice(0, 40)}}, which is no placeholder${hint(unknown, known)}`;
}

function hint(unknown: string, known: readonly string[]): string {
  const near = closest(unknown, known);
  return `${near === undefined ? '.' : `; did you mean {${near}}?`} Known here: ${braces(known)}`;
}

function braces(names: readonly string[]): string {
  return names.map((name) => `{${name}}`).join(', ');
}

/** The values of the placeholders of ids and paths. */
export interface TemplateContext {
  /** The tick of a scheduled run, else the moment of the request. */
  readonly at: Date;
  readonly schedule?: string;
  readonly isTick: boolean;
}

/** Whether `text` has a placeholder at all. */
export function hasPlaceholder(text: string): boolean {
  return placeholdersOf({ text }).length > 0;
}

/** `text` with its placeholders filled; each one that cannot be is pushed to `issues` under `path`. */
export function fillTemplate(text: string, context: TemplateContext, path: string, issues: Issue[]): string {
  return text.replaceAll(/\{([^{}]*)\}/g, (whole, name: string) => {
    const { value = whole, problem } = valueOf(name, context);
    if (problem !== undefined) issues.push({ path, message: problem });
    return value;
  });
}

function valueOf(
  name: string,
  { at, isTick, schedule }: TemplateContext,
): { readonly value?: string; readonly problem?: string } {
  const [date, time] = formatTick(at).split('-');
  if (name === 'date' && date !== undefined) return { value: date };
  if (name === 'time' && time !== undefined) return { value: isTick ? time : time.slice(0, 4) };
  if (name === 'tick') {
    return isTick
      ? { value: formatTick(at) }
      : { problem: '{tick} is known in scheduled runs only; use {date}-{time}' };
  }
  if (name === 'schedule') {
    return schedule === undefined
      ? { problem: '{schedule} is known only in runs of a schedule; set `schedule`' }
      : { value: schedule };
  }
  return { problem: `{${name}} is not a placeholder${hint(name, RUN_PLACEHOLDERS)}` };
}

/**
 * `YYYYMMDD-HHMM` in UTC, as the chart's readme builds ids (`date -u +%Y%m%d-%H%M`). Unix-cron ticks are whole minutes; seconds appear
 * only where they distinguish two times.
 */
export function formatTick(at: Date): string {
  const [date = '', time = ''] = at.toISOString().replaceAll(/[-:]/g, '').split('T');
  return `${date}-${time.slice(0, 4)}${time.slice(4, 6).replace('00', '')}`;
}
