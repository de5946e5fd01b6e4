/** The content of a JSON or YAML document. No part is shared between two places of one document, and none is cyclic. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: JsonValue;
}
/** The same, writable. */
export type MutableJson = string | number | boolean | null | MutableJson[] | { [key: string]: MutableJson };

/** The deepest nesting of a document. Kubernetes objects need about ten levels. Recursion over a document relies on this limit. */
export const MAX_DEPTH = 64;

const PLAIN_KEY = /^[A-Za-z_][\w-]*$/;

const MAX_SHOWN = 80;

/** A plain mapping: not a list, not `null`. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether the key would reach an object's prototype when documents are merged. Such keys are rejected everywhere. */
export function isDangerousKey(key: string): boolean {
  return key === '__proto__' || key === 'constructor' || key === 'prototype';
}

/** The value of an own key: `values['toString']` must be absent, not a function. */
export function getOwn<T>(object: { readonly [key: string]: T }, key: string): T | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** Formats a path as `aggregator.tolerations[0].key`. Keys are quoted where necessary: `podLabels["example.com/team"]`. */
export function formatPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`;
    const key = String(part);
    if (!PLAIN_KEY.test(key)) return `${text}[${quote(key)}]`;
    return text === '' ? key : `${text}.${key}`;
  }, '');
}

/** `text` in double quotes, escaped and shortened to 80 characters, for one line of an error. */
export function quote(text: string): string {
  return JSON.stringify(text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN).toWellFormed()}…` : text.toWellFormed());
}
