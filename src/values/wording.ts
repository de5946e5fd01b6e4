import { isJsonObject, quote } from './json.ts';

const YES: ReadonlySet<string> = new Set(['true', 'yes', 'on', 'y', '1']);
const NO: ReadonlySet<string> = new Set(['false', 'no', 'off', 'n', '0']);

/** What stands there, in words that follow the field's name. */
export function describeInput(input: unknown): string {
  if (input === undefined) return 'is missing';
  if (typeof input === 'string') return `is the text ${quote(input)}`;
  if (typeof input === 'number') return `is the number ${input}`;
  if (Array.isArray(input)) return 'is a list';
  if (typeof input === 'boolean' || input === null) return `is ${input}`;
  return isJsonObject(input) ? 'is a mapping' : 'is something else';
}

/** Something that is not text where `what` is expected. */
export function wrongText(input: unknown, what: string): string {
  if (typeof input === 'number') {
    // 1.10 arrives as 1.1 and 1e3 as 1000: what was written cannot be told any more.
    return `${describeInput(input)}: put it in quotes, or YAML changes it (1.10 becomes 1.1); expected is ${what}`;
  }
  if (typeof input === 'boolean') return `${describeInput(input)}: put it in quotes; expected is ${what}`;
  return `${describeInput(input)}: write ${what}`;
}

/** Something else where true or false is expected. helm reads `yes` and `on` as true, YAML 1.2 as text. */
export function wrongBoolean(input: unknown): string {
  const text = typeof input === 'string' || typeof input === 'number' ? String(input).toLowerCase() : '';
  if (YES.has(text)) return `${describeInput(input)}: write true, without quotes`;
  if (NO.has(text)) return `${describeInput(input)}: write false, without quotes`;
  return `${describeInput(input)}: write true or false`;
}

/** Something else where a number is expected. */
export function wrongNumber(input: unknown): string {
  const numeric = typeof input === 'string' && /^-?\d+(\.\d+)?$/.test(input);
  if (numeric) return `${describeInput(input)}: write ${input}, without quotes`;
  return `${describeInput(input)}: write a whole number`;
}
