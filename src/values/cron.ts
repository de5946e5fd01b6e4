import type { Syntax } from './kubernetes-syntax.ts';

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

interface CronField {
  readonly min: number;
  readonly max: number;
  readonly names: readonly string[];
}

const FIELDS: readonly CronField[] = [
  { min: 0, max: 59, names: [] },
  { min: 0, max: 23, names: [] },
  { min: 1, max: 31, names: [] },
  { min: 1, max: 12, names: MONTHS },
  { min: 0, max: 7, names: DAYS },
];

export const UNIX_CRON: Syntax = {
  what: 'a unix-cron schedule of five fields with one space between: minute hour day-of-month month day-of-week, such as "0 3 * * *"',
  pattern: String.raw`^\S+ \S+ \S+ \S+ \S+$`,
  test: isUnixCron,
};

export const TIME_ZONE: Syntax = {
  what: 'a time zone of the IANA database, such as "Europe/Berlin" or "Etc/UTC"',
  pattern: '^[A-Za-z][A-Za-z0-9_+/-]*$',
  test: isTimeZone,
};

// https://cloud.google.com/scheduler/docs/reference/rest/v1/projects.locations.jobs: the job's id, which its calls carry in a header.
export const SCHEDULE_NAME: Syntax = {
  what: 'the id of a Cloud Scheduler job: 1 to 500 letters, digits, "-" and "_"',
  pattern: '^[A-Za-z0-9_-]{1,500}$',
  test: (text) => /^[A-Za-z0-9_-]{1,500}$/.test(text),
};

/**
 * Whether `text` is a unix-cron schedule of five fields, as Cloud Scheduler reads it
 * (https://cloud.google.com/scheduler/docs/configuring/cron-job-schedules): no seconds, no `@daily`, no "every 5 minutes".
 */
export function isUnixCron(text: string): boolean {
  const parts = text.split(' ');
  return (
    parts.length === FIELDS.length &&
    FIELDS.every((field, index) => (parts[index] ?? '').split(',').every((part) => isPart(part, field)))
  );
}

function isPart(text: string, field: CronField): boolean {
  const [range = '', step, ...rest] = text.split('/');
  if (rest.length > 0 || !isRange(range, field)) return false;
  return step === undefined || (/^\d{1,2}$/.test(step) && Number(step) >= 1 && Number(step) <= field.max);
}

function isRange(text: string, field: CronField): boolean {
  if (text === '*') return true;
  const [from = Number.NaN, to = from, ...rest] = text.split('-').map((part) => valueOf(part, field));
  return rest.length === 0 && from >= field.min && to <= field.max && from <= to;
}

function valueOf(text: string, field: CronField): number {
  if (/^\d{1,2}$/.test(text)) return Number(text);
  const named = field.names.indexOf(text.toLowerCase());
  return named < 0 ? Number.NaN : named + field.min;
}

/** Whether `text` is a zone of the IANA database. Offsets such as +01:00 know no summer time and are not. */
export function isTimeZone(text: string): boolean {
  if (!/^[A-Za-z][A-Za-z0-9_+/-]*$/.test(text)) return false;
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: text }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}
