import type { Cause } from '../status.ts';

export const immutable = 'field is immutable';

export function required(field: string, detail = ''): Cause {
  return {
    reason: 'FieldValueRequired',
    message: detail === '' ? 'Required value' : `Required value: ${detail}`,
    field,
  };
}

export function invalidValue(field: string, value: unknown, detail: string): Cause {
  return {
    reason: 'FieldValueInvalid',
    message: `Invalid value: ${shown(value)}: ${detail}`,
    field,
  };
}

/** Go's %q of a string, the number itself, JSON of the rest: how field.Error shows a value. */
function shown(value: unknown): string {
  if (value === undefined || value === null) return 'null';
  return JSON.stringify(value);
}

export function notSupported(field: string, value: unknown, supported: readonly string[]): Cause {
  return {
    reason: 'FieldValueNotSupported',
    message: `Unsupported value: ${shown(value)}: supported values: ${list(supported)}`,
    field,
  };
}

function list(values: readonly string[]): string {
  return values.map((value) => JSON.stringify(value)).join(', ');
}

export function duplicate(field: string, value: unknown): Cause {
  return {
    reason: 'FieldValueDuplicate',
    message: `Duplicate value: ${shown(value)}`,
    field,
  };
}

export function missing(field: string, value: unknown): Cause {
  return {
    reason: 'FieldValueNotFound',
    message: `Not found: ${shown(value)}`,
    field,
  };
}

export function forbiddenField(field: string, detail: string): Cause {
  return {
    reason: 'FieldValueForbidden',
    message: detail === '' ? 'Forbidden' : `Forbidden: ${detail}`,
    field,
  };
}

export function tooLong(field: string, limitBytes: number): Cause {
  return {
    reason: 'FieldValueTooLong',
    message: `Too long: may not be more than ${limitBytes} bytes`,
    field,
  };
}
