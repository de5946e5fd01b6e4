import * as z from 'zod';
import { gsUriProblem } from '../storage/uri.ts';
import { environmentProblem } from './aggregator-text.ts';
import { isJsonObject, quote } from './json.ts';
import { isOwnedKey, LABEL_KEY, QUANTITY } from './kubernetes-syntax.ts';
import type { Syntax } from './kubernetes-syntax.ts';

const CONTROL = /[\p{Cc}\u2028\u2029]/u;
const YES: ReadonlySet<string> = new Set(['true', 'yes', 'on', 'y', '1']);
const NO: ReadonlySet<string> = new Set(['false', 'no', 'off', 'n', '0']);

/** A quantity. In YAML, `cpu: 1` is a number and means the same as "1". */
export const quantityField = z.union([z.number().nonnegative(), textField(QUANTITY)]).transform(String);

/** A label or annotation key that neither this service nor a controller sets. */
export const freeKeyField = textField(LABEL_KEY).refine((key) => !isOwnedKey(key), {
  error: (issue) =>
    `${quote(String(issue.input))} is set by this service or by Kubernetes itself, which select pods by it: choose another key`,
});

/** A text field with the given syntax. Its errors quote the input and describe what is expected. */
export function textField(syntax: Syntax) {
  return z
    .string({ error: (issue) => wrongText(issue.input, syntax.what) })
    .refine(syntax.test, { error: (issue) => `${quote(String(issue.input))} is not ${syntax.what}` })
    .meta({ pattern: syntax.pattern });
}

/** A text field where a token may have been pasted instead of a reference to a Secret. Its errors never quote the input. */
export function privateTextField(syntax: Syntax) {
  return z
    .string({
      error: (issue) => (issue.input === undefined ? `is missing: write ${syntax.what}` : `is not ${syntax.what}`),
    })
    .refine(syntax.test, { error: `is not ${syntax.what}` })
    .meta({ pattern: syntax.pattern });
}

/** The syntax of one line of free text. */
export function line(what: string, maxLength = 1024): Syntax {
  return {
    what: `${what} (one line of 1 to ${maxLength} characters)`,
    pattern: `^.{1,${maxLength}}$`,
    test: (text) => text.length > 0 && text.length <= maxLength && !CONTROL.test(text) && text.trim() === text,
  };
}

export function wholeNumber(min: number, max: number) {
  return z.int().min(min).max(max);
}

/** Seconds: a signed 32-bit number is the longest a Kubernetes field takes. */
export function seconds(min: number) {
  return wholeNumber(min, 2_147_483_647);
}

/** A `gs://` path that becomes an environment value of the aggregator. A Job's pod holds no local files, so other paths are refused. */
export function gsPathField(what: string) {
  return environmentField(gsPatternField(what));
}

/** A `gs://` path, or a pattern of paths. `what` describes the form too. */
export function gsPatternField(what: string) {
  return textField({ what, pattern: '^gs://[^/]+/.+$', test: () => true }).refine(
    (text) => gsUriProblem(text) === null,
    {
      error: (issue) =>
        `${quote(String(issue.input))} is ${gsUriProblem(String(issue.input)) ?? ''}; expected is ${what}`,
    },
  );
}

/** Placeholders are checked once they are filled (`jobs/manifest.ts`). */
export function environmentField(field: z.ZodString) {
  return field.refine((text) => environmentProblem(text) === null, {
    error: (issue) => environmentProblem(String(issue.input)) ?? '',
  });
}

/** The message for an input of the wrong type where `what` is expected. It follows the field's path. */
function wrongText(input: unknown, what: string): string {
  if (typeof input === 'number') {
    // 1.10 arrives as 1.1 and 1e3 as 1000: the text as written is lost.
    return `${describeInput(input)}: put it in quotes, or YAML changes it (1.10 becomes 1.1); expected is ${what}`;
  }
  if (typeof input === 'boolean') return `${describeInput(input)}: put it in quotes; expected is ${what}`;
  return `${describeInput(input)}: write ${what}`;
}

/** The message for an input that is not true or false. helm reads `yes` and `on` as true, YAML 1.2 as text. */
export function wrongBoolean(input: unknown): string {
  const text = typeof input === 'string' || typeof input === 'number' ? String(input).toLowerCase() : '';
  if (YES.has(text)) return `${describeInput(input)}: write true, without quotes`;
  if (NO.has(text)) return `${describeInput(input)}: write false, without quotes`;
  return `${describeInput(input)}: write true or false`;
}

/** The message for an input that is not a number. */
export function wrongNumber(input: unknown): string {
  const numeric = typeof input === 'string' && /^-?\d+(\.\d+)?$/.test(input);
  if (numeric) return `${describeInput(input)}: write ${input}, without quotes`;
  return `${describeInput(input)}: write a whole number`;
}

/** Describes an input in words that follow the field's path. */
export function describeInput(input: unknown): string {
  if (input === undefined) return 'is missing';
  if (typeof input === 'string') return `is the text ${quote(input)}`;
  if (typeof input === 'number') return `is the number ${input}`;
  if (Array.isArray(input)) return 'is a list';
  if (typeof input === 'boolean' || input === null) return `is ${input}`;
  return isJsonObject(input) ? 'is a mapping' : 'has an unknown type';
}
