import { isObject } from '../../kubernetes/sessions/json.ts';

const TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g;

/** What stands for generations and ids of uploads, by the value: `<generation-1>`, `<upload-1>`. */
export type Names = Map<string, string>;

/** The id of the upload that an answer's Location names. */
export function uploadOf(headers: Readonly<Record<string, string>>): string | undefined {
  return /[?&]upload_id=([^&]+)/.exec(headers['location'] ?? '')?.[1];
}

/** Finds generations and ids of uploads in an answer. */
export function collectNames(names: Names, headers: Readonly<Record<string, string>>, body: unknown): void {
  addName(names, 'upload', uploadOf(headers));
  function walk(value: unknown): void {
    if (Array.isArray(value)) for (const each of value) walk(each);
    if (!isObject(value)) return;
    addName(names, 'generation', value['generation']);
    for (const each of Object.values(value)) walk(each);
  }
  walk(body);
}

function addName(names: Names, kind: 'generation' | 'upload', value: unknown): void {
  if (typeof value !== 'string' || names.has(value)) return;
  const count = [...names.values()].filter((each) => each.startsWith(`<${kind}-`)).length;
  names.set(value, `<${kind}-${count + 1}>`);
}

/** The values of `names` in a text by what stands for them; `server` is the address that is left out. */
export function maskText(names: Names, server: string, text: string): string {
  let masked = text.replaceAll(server, 'SERVER');
  for (const [value, placeholder] of names) masked = masked.replaceAll(value, placeholder);
  return masked.replace(TIME, 'TIME');
}

/** An answer in the form in which it is kept and compared. */
export function mask<T>(names: Names, server: string, value: T): T {
  return JSON.parse(maskText(names, server, JSON.stringify(withoutEtags(value))));
}

function withoutEtags(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutEtags);
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, each]) => (key === 'etag' ? [] : [[key, withoutEtags(each)]])),
  );
}
