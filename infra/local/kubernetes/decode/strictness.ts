import type { ApiRequest } from '../http/request.ts';
import { invalid } from '../status.ts';
import { notSupported } from '../validation/faults.ts';

export type FieldValidation = 'Strict' | 'Warn' | 'Ignore';

const modes: ReadonlySet<string> = new Set<FieldValidation>(['Strict', 'Warn', 'Ignore']);

/** The errors of fieldValidation for a text or an object, by the path of the field. */
export function duplicateField(path: string): string {
  return `duplicate field "${path}"`;
}

export function unknownField(path: string): string {
  return `unknown field "${path}"`;
}

/** `fieldValidation` of a write; Warn by default. Throws 422 for an unknown value. */
export function validationMode(request: ApiRequest, optionsKind: string): FieldValidation {
  const asked = request.query.get('fieldValidation') ?? '';
  if (asked === '') return 'Warn';
  if (isMode(asked)) return asked;
  throw invalid(optionsKind, 'meta.k8s.io', '', [
    notSupported('fieldValidation', asked, ['', 'Ignore', 'Strict', 'Warn']),
  ]);
}

function isMode(text: string): text is FieldValidation {
  return modes.has(text);
}

/** Whether the request has `dryRun=All`. Throws 422 for any other value. */
export function isDryRun(request: ApiRequest, optionsKind: string): boolean {
  return dryRunOf(request.query.getAll('dryRun'), optionsKind);
}

export function dryRunOf(values: readonly string[], optionsKind: string): boolean {
  const asked = values.filter((value) => value !== '');
  if (asked.every((value) => value === 'All')) return asked.length > 0;
  const shown = `[]string{${asked.map((value) => JSON.stringify(value)).join(', ')}}`;
  const fault = {
    ...notSupported('dryRun', '', ['All']),
    message: `Unsupported value: ${shown}: supported values: "All"`,
  };
  throw invalid(optionsKind, 'meta.k8s.io', '', [fault]);
}
