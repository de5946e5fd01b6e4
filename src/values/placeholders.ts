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
  /** IANA zone in which {date}, {time} and {tick} are written. Default: UTC. */
  readonly timeZone?: string | undefined;
  readonly schedule?: string;
  /** `forced`: a run of a schedule outside its ticks; its {time} has seconds, so that it is never that of a tick. */
  readonly kind: 'tick' | 'forced' | 'request';
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

function valueOf(name: string, context: TemplateContext): { readonly value?: string; readonly problem?: string } {
  const { at, timeZone = 'UTC', schedule, kind } = context;
  if (name === 'date') return { value: dateOf(at, timeZone) };
  if (name === 'time') return { value: timeOf(at, timeZone, kind === 'tick' ? undefined : kind === 'forced') };
  if (name === 'tick') {
    if (kind === 'request') return { problem: '{tick} is known in scheduled runs only; use {date}-{time}' };
    return {
      value:
        kind === 'tick' ? formatTick(at, timeZone) : `manual-${dateOf(at, timeZone)}-${timeOf(at, timeZone, true)}`,
    };
  }
  if (name === 'schedule') {
    return schedule === undefined
      ? { problem: '{schedule} is known only in runs of a schedule; set `schedule`' }
      : { value: schedule };
  }
  return { problem: `{${name}} is not a placeholder${hint(name, RUN_PLACEHOLDERS)}` };
}

/**
 * `YYYYMMDD-HHMM` in the zone, as the chart's readme builds ids (`date -u +%Y%m%d-%H%M`). When clocks go back, an hour
 * occurs twice: the second time is marked with a `b`, so that two ticks never have one text.
 */
export function formatTick(at: Date, timeZone = 'UTC'): string {
  return `${dateOf(at, timeZone)}-${timeOf(at, timeZone)}`;
}

function dateOf(at: Date, timeZone: string): string {
  return local(at, timeZone).slice(0, 8);
}

/** By how much clocks go back: an hour almost everywhere, half of one on Lord Howe, two at Troll. */
const CLOCK_CHANGES_MS = [30, 60, 120].map((minutes) => minutes * 60_000);

// Unix-cron ticks are whole minutes; seconds appear only where they distinguish two times.
function timeOf(at: Date, timeZone: string, seconds = at.getUTCSeconds() !== 0): string {
  const text = local(at, timeZone);
  const isRepeated = CLOCK_CHANGES_MS.some((ms) => local(new Date(at.getTime() - ms), timeZone) === text);
  return `${text.slice(8, seconds ? 14 : 12)}${isRepeated ? 'b' : ''}`;
}

/** `YYYYMMDDHHMMSS` in the zone. */
function local(at: Date, timeZone: string): string {
  // The Swedish form is `2026-11-22 02:00:00`.
  return at.toLocaleString('sv-SE', { timeZone }).replaceAll(/\D/g, '');
}
