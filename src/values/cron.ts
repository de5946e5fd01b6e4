import { Cron } from 'croner';
import type { Syntax } from './kubernetes-syntax.ts';

/** Unix-cron with five fields, as Cloud Scheduler reads it: no seconds, no `@daily`, no "every 5 minutes" (https://cloud.google.com/scheduler/docs/configuring/cron-job-schedules). */
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

// https://cloud.google.com/scheduler/docs/reference/rest/v1/projects.locations.jobs: the last part of the job's name.
const SCHEDULE_ID = /^[A-Za-z0-9_-]{1,500}$/;
export const SCHEDULE_NAME: Syntax = {
  what: 'the id of a Cloud Scheduler job: 1 to 500 letters, digits, "-" and "_"',
  pattern: SCHEDULE_ID.source,
  test: (text) => SCHEDULE_ID.test(text),
};

// croner, which computes the ticks, accepts more than Cloud Scheduler: "L", "W", "#", "?" and numbers of three digits.
const UNIX_FIELD = /^(\*|\d{1,2}|[A-Za-z]{3}|[,/-])+$/;
const LONG_WORD = /\d{3}|[A-Za-z]{4}/;

export function isUnixCron(text: string): boolean {
  if (!text.split(' ').every((field) => UNIX_FIELD.test(field) && !LONG_WORD.test(field))) return false;
  try {
    void new Cron(text, { paused: true, mode: '5-part' });
    return true;
  } catch {
    return false;
  }
}

/** Whether `text` is a zone of the IANA database. Offsets such as +01:00 are not: they have no daylight saving time. */
export function isTimeZone(text: string): boolean {
  if (!/^[A-Za-z][A-Za-z0-9_+/-]*$/.test(text)) return false;
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: text }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}
