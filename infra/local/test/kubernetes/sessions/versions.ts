import { isObject } from './json.ts';

/**
 * What Kubernetes before 1.34 says otherwise than the recorded server, brought to one form: it writes
 * `creationTimestamp: null` where there is no such time. The embedded API speaks as 1.32.
 */
export function asSpoken(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(asSpoken);
  if (!isObject(value)) return value;
  const entries = Object.entries(value).filter(([key, each]) => !(key === 'creationTimestamp' && each === null));
  return Object.fromEntries(entries.map(([key, each]) => [key, asSpoken(each)]));
}

/** Kinds that the embedded API does not serve, and says so. */
export function isServed(path: string): boolean {
  return !/\/cronjobs(?:[/?]|$)/.test(path);
}
