import type { Cause } from '../status.ts';

/** Go's %q of a string, the number itself, JSON of the rest: how field.Error shows a value. */
const shown = (value: unknown): string => {
  if (value === undefined || value === null) return 'null';
  return JSON.stringify(value);
};

const list = (values: readonly string[]): string => values.map((value) => JSON.stringify(value)).join(', ');

export const required = (field: string, detail = ''): Cause => ({
  reason: 'FieldValueRequired',
  message: detail === '' ? 'Required value' : `Required value: ${detail}`,
  field,
});

export const invalidValue = (field: string, value: unknown, detail: string): Cause => ({
  reason: 'FieldValueInvalid',
  message: `Invalid value: ${shown(value)}: ${detail}`,
  field,
});

export const notSupported = (field: string, value: unknown, supported: readonly string[]): Cause => ({
  reason: 'FieldValueNotSupported',
  message: `Unsupported value: ${shown(value)}: supported values: ${list(supported)}`,
  field,
});

export const duplicate = (field: string, value: unknown): Cause => ({
  reason: 'FieldValueDuplicate',
  message: `Duplicate value: ${shown(value)}`,
  field,
});

export const missing = (field: string, value: unknown): Cause => ({
  reason: 'FieldValueNotFound',
  message: `Not found: ${shown(value)}`,
  field,
});

export const forbiddenField = (field: string, detail: string): Cause => ({
  reason: 'FieldValueForbidden',
  message: detail === '' ? 'Forbidden' : `Forbidden: ${detail}`,
  field,
});

export const tooLong = (field: string, limitBytes: number): Cause => ({
  reason: 'FieldValueTooLong',
  message: `Too long: may not be more than ${limitBytes} bytes`,
  field,
});

export const immutable = 'field is immutable';
