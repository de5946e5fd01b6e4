/** A JSON object whose shape is not known here. */
export type Fields = { [key: string]: unknown };

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

/** What stands at `path`, or undefined as soon as a step of it is missing. */
export function valueAt(value: unknown, ...path: readonly string[]): unknown {
  let at = value;
  for (const step of path) {
    if (!isFields(at)) return undefined;
    at = Object.hasOwn(at, step) ? at[step] : undefined;
  }
  return at;
}

/** The object at `path`; an empty one (not attached) where there is none. */
export function fieldsAt(value: unknown, ...path: readonly string[]): Fields {
  const found = valueAt(value, ...path);
  return isFields(found) ? found : {};
}

/** The object at `path`, made where there is none, so that it can be written to. */
export function ensureFields(value: Fields, ...path: readonly string[]): Fields {
  let at = value;
  for (const step of path) {
    const next = at[step];
    const fields = isFields(next) ? next : {};
    if (fields !== next) at[step] = fields;
    at = fields;
  }
  return at;
}

export function listAt(value: unknown, ...path: readonly string[]): readonly unknown[] {
  const found = valueAt(value, ...path);
  return isList(found) ? found : [];
}

/** The objects of the list at `path`; anything else in it is left out. */
export function objectsAt(value: unknown, ...path: readonly string[]): readonly Fields[] {
  return listAt(value, ...path).filter(isFields);
}

export function stringAt(value: unknown, ...path: readonly string[]): string {
  const found = valueAt(value, ...path);
  return typeof found === 'string' ? found : '';
}

export function numberAt(value: unknown, ...path: readonly string[]): number | undefined {
  const found = valueAt(value, ...path);
  return typeof found === 'number' ? found : undefined;
}

/** The entries of the map of strings at `path`. */
export function stringsAt(value: unknown, ...path: readonly string[]): Readonly<Record<string, string>> {
  const entries = Object.entries(fieldsAt(value, ...path));
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}

/** Sets what is absent, null or empty: to the API server an empty string is no value. */
export function setDefault(fields: Fields, key: string, value: unknown): void {
  if (fields[key] === undefined || fields[key] === null || fields[key] === '') fields[key] = value;
}

/** A copy without the named keys. */
export function omit(fields: Fields, ...keys: readonly string[]): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([key]) => !keys.includes(key)));
}
