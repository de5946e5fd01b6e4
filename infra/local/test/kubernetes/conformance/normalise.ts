import type { RawAnswer } from './step.ts';

const uid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const time = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g;

/**
 * What the servers of two versions say in other words, brought to those of 1.32, which the embedded API speaks:
 * the recording comes from a newer one.
 */
const wording: readonly (readonly [RegExp | string, string])[] = [
  [/\[\]string\{(.*?)\}/g, '[$1]'],
  ['a valid label key must', 'a qualified name must'],
  ['a valid annotation key must', 'a qualified name must'],
  [/no more than (\d+) bytes/g, 'no more than $1 characters'],
  ['pkg/runtime/scheme.go:111', 'pkg/api/legacyscheme/scheme.go:30'],
  ['`configMapKeyRef`, `secretKeyRef` or `fileKeyRef`', '`configMapKeyRef` or `secretKeyRef`'],
  ['Invalid value: 0x0: must be specified', 'Invalid value: 0: must be specified'],
];

/** Takes out of an answer what differs from run to run: uids, times, versions, generated names, the namespace. */
export function normalise(answer: RawAnswer, namespace: string, saved: ReadonlyMap<string, string>): unknown {
  let text = JSON.stringify(answer);
  for (const [name, value] of saved) if (value.length > 8) text = text.replaceAll(value, `<${name}>`);
  text = text
    .replace(uid, 'UID')
    .replace(time, 'TIME')
    .replace(/"resourceVersion":"\d+"/g, '"resourceVersion":"RV"')
    .replace(/\\"resourceVersion\\":\\"\d+\\"/g, '\\"resourceVersion\\":\\"RV\\"')
    .replaceAll(namespace, 'NS')
    .replace(/\b([a-z]+-|Bad_)[bcdfghjklmnpqrstvwxz2456789]{5}\b/g, '$1XXXXX')
    .replace(/(current: )\d+/g, '$1RV')
    .replace(/10\.0\.0\.\d+(?!\/)/g, '10.0.0.N')
    .replace(/"nodePort":\d+/g, '"nodePort":0')
    .replace(/,?"creationTimestamp":null/g, '')
    .replaceAll('{,', '{');
  for (const [theirs, ours] of wording) text = text.replaceAll(theirs, ours);
  return inOneOrder(JSON.parse(text));
}

/** What comes in an order of chance is sorted: managers by the second in which each wrote, faults of the entries of a map. */
function inOneOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOneOrder);
  if (!isObject(value)) return value;
  const entries = Object.entries(value).map(([key, entry]) => {
    if (key === 'managedFields' && Array.isArray(entry)) return [key, entry.toSorted(byManager)];
    if (key === 'cells' && Array.isArray(entry))
      return [key, entry.map((cell) => (isAge(cell) ? 'AGE' : inOneOrder(cell)))];
    if (key === 'causes' && Array.isArray(entry)) return [key, entry.toSorted(byText)];
    // The sentence repeats the causes.
    if (key === 'message' && typeof entry === 'string')
      return [key, entry.replace(/(is invalid: )\[.*\]$/s, '$1[...]')];
    return [key, inOneOrder(entry)];
  });
  return Object.fromEntries(entries);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function byManager(a: unknown, b: unknown): number {
  function idOf(entry: unknown): string {
    return isObject(entry)
      ? `${String(entry['manager'])} ${String(entry['operation'])} ${String(entry['subresource'])}`
      : '';
  }
  return idOf(a) < idOf(b) ? -1 : 1;
}

/** A column of a table, such as `3s` or `2m5s`. */
function isAge(cell: unknown): boolean {
  return typeof cell === 'string' && /^(?:\d+[smhd])+$/.test(cell);
}

function byText(a: unknown, b: unknown): number {
  return JSON.stringify(a) < JSON.stringify(b) ? -1 : 1;
}

/** The paths at which two answers differ, each with both values. */
export function differences(ours: unknown, theirs: unknown, path = ''): readonly string[] {
  if (JSON.stringify(ours) === JSON.stringify(theirs)) return [];
  if (!isObject(ours) || !isObject(theirs) || Array.isArray(ours) !== Array.isArray(theirs)) {
    return [`${path}: ${JSON.stringify(ours)} instead of ${JSON.stringify(theirs)}`];
  }
  const keys = new Set([...Object.keys(ours), ...Object.keys(theirs)]);
  return [...keys].flatMap((key) => differences(ours[key], theirs[key], `${path}.${key}`));
}
