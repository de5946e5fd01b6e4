export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value at a path of members, such as `at(row, 'decision', 'reason')`. */
export function at(row: unknown, ...path: readonly string[]): unknown {
  let value = row;
  for (const member of path) value = isRecord(value) ? value[member] : undefined;
  return value;
}

/** The records of a list at a path of members; none where there is no list. */
export function recordsAt(row: unknown, ...path: readonly string[]): readonly Record<string, unknown>[] {
  const list = at(row, ...path);
  return Array.isArray(list) ? list.filter(isRecord) : [];
}

/** `text` as JSON, else the text itself. */
export function parseOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
