/** A JSON object whose shape is not known here. */
export type Fields = { [key: string]: unknown };

export const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value);

/** What stands at `path`, or undefined as soon as a step of it is missing. */
export const valueAt = (value: unknown, ...path: readonly string[]): unknown => {
  let at = value;
  for (const step of path) {
    if (!isFields(at)) return undefined;
    at = Object.hasOwn(at, step) ? at[step] : undefined;
  }
  return at;
};

/** The object at `path`; an empty one (not attached) where there is none. */
export const fieldsAt = (value: unknown, ...path: readonly string[]): Fields => {
  const found = valueAt(value, ...path);
  return isFields(found) ? found : {};
};

/** The object at `path`, made where there is none, so that it can be written to. */
export const ensureFields = (value: Fields, ...path: readonly string[]): Fields => {
  let at = value;
  for (const step of path) {
    const next = at[step];
    const fields = isFields(next) ? next : {};
    if (fields !== next) at[step] = fields;
    at = fields;
  }
  return at;
};

export const listAt = (value: unknown, ...path: readonly string[]): readonly unknown[] => {
  const found = valueAt(value, ...path);
  return isList(found) ? found : [];
};

/** The objects of the list at `path`; anything else in it is left out. */
export const objectsAt = (value: unknown, ...path: readonly string[]): readonly Fields[] =>
  listAt(value, ...path).filter(isFields);

export const stringAt = (value: unknown, ...path: readonly string[]): string => {
  const found = valueAt(value, ...path);
  return typeof found === 'string' ? found : '';
};

export const numberAt = (value: unknown, ...path: readonly string[]): number | undefined => {
  const found = valueAt(value, ...path);
  return typeof found === 'number' ? found : undefined;
};

/** The entries of the map of strings at `path`. */
export const stringsAt = (value: unknown, ...path: readonly string[]): Readonly<Record<string, string>> => {
  const entries = Object.entries(fieldsAt(value, ...path));
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
};

/** Sets what is absent, null or empty: to the API server an empty string is no value. */
export const setDefault = (fields: Fields, key: string, value: unknown): void => {
  if (fields[key] === undefined || fields[key] === null || fields[key] === '') fields[key] = value;
};

/** A copy without the named keys. */
export const omit = (fields: Fields, ...keys: readonly string[]): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([key]) => !keys.includes(key)));
