import { isFields } from '../json.ts';
import type { Fields } from '../json.ts';
import type { Faults } from '../resources/resource.ts';
import { invalidValue, notSupported, required } from './faults.ts';

/** Checks that several kinds share. Each adds its findings to `faults`. */

export function checkRange(faults: Faults, path: string, value: unknown, low: number, high: number): void {
  if (typeof value !== 'number' || (value >= low && value <= high)) return;
  faults.push(invalidValue(path, value, `must be between ${low} and ${high}, inclusive`));
}

export function checkNotNegative(faults: Faults, path: string, value: unknown): void {
  if (typeof value === 'number' && value < 0)
    faults.push(invalidValue(path, value, 'must be greater than or equal to 0'));
}

export function checkOneOf(faults: Faults, path: string, value: unknown, supported: readonly string[]): void {
  if (value === undefined || value === null) return;
  if (typeof value !== 'string' || !supported.includes(value)) faults.push(notSupported(path, value, supported));
}

export function checkPort(faults: Faults, path: string, value: unknown): void {
  return checkRange(faults, path, value, 1, 65_535);
}

/** Whether the text is present. */
export function checkRequired(faults: Faults, path: string, value: unknown, detail = ''): value is string {
  if (typeof value === 'string' && value !== '') return true;
  faults.push(required(path, detail));
  return false;
}

export function checkSyntax(
  faults: Faults,
  path: string,
  value: unknown,
  rule: (text: string) => readonly string[],
): void {
  if (typeof value !== 'string') return;
  for (const fault of rule(value)) faults.push(invalidValue(path, value, fault));
}

/** The optional object at `key`. */
export function optional(fields: Fields, key: string): Fields | undefined {
  const value = fields[key];
  return isFields(value) ? value : undefined;
}

/** User and group ids. */
export function checkId(faults: Faults, path: string, value: unknown): void {
  return checkRange(faults, path, value, 0, 2 ** 31 - 1);
}
