import { isObject, type JsonObject } from './json.ts';

const TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g;
const UID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
/** An event's name is the object's, and when it was. */
const EVENT_NAME = /\.[0-9a-f]{16}$/;
const CONTAINER_ID = /process:\/\/[0-9a-f]{64}/g;
const ADDRESS = /^\d+\.\d+\.\d+\.\d+$/;
const AGE = /^\d+(?:ms|s|m|h|d)(?:\d+s)?$/;

/** What stands for uids and generated names, by the value: `<uid-1>`, `<name-1>`. */
export type Names = Map<string, string>;

/**
 * Not compared: who wrote which field (the conformance scenarios do), versions, which count all writes of a server, and
 * addresses, which the process kubelet gives.
 */
const LEFT_OUT: ReadonlySet<string> = new Set([
  'managedFields',
  'resourceVersion',
  'selfLink',
  'remainingItemCount',
  'podIP',
  'podIPs',
  'hostIP',
  'hostIPs',
]);

/** Finds uids and generated names in an answer, events' left out: nothing refers to those. */
export function collectNames(names: Names, value: unknown): void {
  if (Array.isArray(value)) {
    for (const each of value) collectNames(names, each);
    return;
  }
  if (!isObject(value) || isEvent(value)) return;
  const { metadata } = value;
  if (isObject(metadata)) {
    addName(names, 'uid', metadata['uid']);
    if (metadata['generateName'] !== undefined) addName(names, 'name', metadata['name']);
  }
  for (const each of Object.values(value)) collectNames(names, each);
}

function isEvent(value: JsonObject): boolean {
  return value['kind'] === 'Event' || ('involvedObject' in value && 'reason' in value);
}

function addName(names: Names, kind: 'uid' | 'name', value: unknown): void {
  if (typeof value !== 'string' || names.has(value)) return;
  const count = [...names.values()].filter((each) => each.startsWith(`<${kind}-`)).length;
  names.set(value, `<${kind}-${count + 1}>`);
}

/** The values of `names` in a text, by what stands for them. */
export function maskText(names: Names, text: string): string {
  let masked = text;
  for (const [value, placeholder] of names) masked = masked.replaceAll(value, placeholder);
  return masked.replace(TIME, 'TIME').replace(UID, 'UID').replace(CONTAINER_ID, 'process://ID');
}

/** An answer without what differs from run to run and is bound to nothing. */
export function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shapeOf);
  if (!isObject(value)) return value;
  if (isEvent(value)) return shapeOfEvent(value);
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !LEFT_OUT.has(key))
      .map(([key, each]) => [key, shapeEntry(key, each)]),
  );
}

function shapeOfEvent(event: JsonObject): JsonObject {
  const of = isObject(event['involvedObject']) ? event['involvedObject'] : {};
  return { type: event['type'], reason: event['reason'], message: event['message'], of: of['kind'] };
}

function shapeEntry(key: string, value: unknown): unknown {
  if (key === 'columnDefinitions' && Array.isArray(value))
    return value.map((each) => (isObject(each) ? `${String(each['name'])} ${String(each['type'])}` : each));
  if (key === 'cells' && Array.isArray(value))
    return value.map((each) => (typeof each === 'string' ? shapeCell(each) : each));
  // The user's, of the server's list of tokens.
  if (key === 'userInfo' && isObject(value)) return { ...value, uid: 'UID' };
  if (/^(?:resource|nonResource)Rules$/.test(key) && Array.isArray(value)) return inOneOrder(value);
  // Of equal entries (events of one thing) the order is one of chance.
  if (key === 'items' && Array.isArray(value) && value.some((each) => isObject(each) && isEvent(each)))
    return inOneOrder(value.map(shapeOf));
  if (key === 'rows' && Array.isArray(value) && value.some(isRowOfEvent))
    return inOneOrder(value.map((row) => (isObject(row) ? shapeEntry('cells', row['cells']) : row)));
  return shapeOf(value);
}

function shapeCell(cell: string): string {
  if (AGE.test(cell)) return 'AGE';
  return ADDRESS.test(cell) ? 'IP' : cell.replace(EVENT_NAME, '.TIME');
}

function inOneOrder(values: readonly unknown[]): readonly unknown[] {
  return values.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

function isRowOfEvent(row: unknown): boolean {
  const cells: unknown = isObject(row) ? row['cells'] : undefined;
  return Array.isArray(cells) && cells.some((each) => typeof each === 'string' && EVENT_NAME.test(each));
}

/** An answer in the form in which it is kept and compared. */
export function maskAnswer(names: Names, body: unknown): unknown {
  return JSON.parse(maskText(names, JSON.stringify(shapeOf(body))));
}

/** The beginning of an answer, for a message. */
export function toText(body: unknown): string {
  return (JSON.stringify(body) ?? '').slice(0, 300);
}
