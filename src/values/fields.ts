import { z } from 'zod';
import { isOwnedKey, LABEL_KEY, QUANTITY } from './kubernetes-syntax.ts';
import type { Syntax } from './kubernetes-syntax.ts';
import { quote } from './json.ts';
import { wrongText } from './wording.ts';

const CONTROL = /[\p{Cc}\u2028\u2029]/u;

/** A quantity; YAML's `cpu: 1` is a number, and means the same as "1". */
export const quantityField = z.union([z.number().nonnegative(), textField(QUANTITY)]).transform(String);

/** A label or annotation key that is neither ours nor a controller's. */
export const freeKeyField = textField(LABEL_KEY).refine((key) => !isOwnedKey(key), {
  error: (issue) =>
    `${quote(String(issue.input))} is set by this service or by Kubernetes itself: pods are found by it`,
});

/** A text field of a given form; errors show what was written and say what would be right. */
export function textField(form: Syntax) {
  return z
    .string({ error: (issue) => wrongText(issue.input, form.what) })
    .refine(form.test, { error: (issue) => `${quote(String(issue.input))} is not ${form.what}` })
    .meta({ pattern: form.pattern });
}

/** The same, for what may have been pasted in place of a reference to a Secret: what was written is never repeated. */
export function privateTextField(form: Syntax) {
  return z
    .string({
      error: (issue) => (issue.input === undefined ? `is missing: write ${form.what}` : `is not ${form.what}`),
    })
    .refine(form.test, { error: `is not ${form.what}` })
    .meta({ pattern: form.pattern });
}

/** One line of free text. */
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
