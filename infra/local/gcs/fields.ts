import { badRequest } from './errors.ts';
import { isRecord } from './http.ts';

/** A tree of wanted names; a leaf keeps everything below it. */
interface Mask {
  readonly children: Map<string, Mask>;
}

/**
 * Returns a function that keeps the fields of the `fields` parameter (`a,b/c,items(name,size)`), or everything without one.
 * https://cloud.google.com/storage/docs/json_api#partial-response. Throws 400.
 */
export function parseFields(fields: string | null): (value: unknown) => unknown {
  if (fields === null || fields === '') return (value) => value;
  const mask = emptyMask();
  addSelection(mask, fields);
  return (value) => applyMask(value, mask);
}

function emptyMask(): Mask {
  return { children: new Map() };
}

function addSelection(mask: Mask, text: string): void {
  for (const selection of splitOutside(text, ',')) {
    const match = /^([^()]+)(?:\((.+)\))?$/s.exec(selection.trim());
    if (match === null) throw badRequest(`Invalid field selection ${selection.slice(0, 80)}`, 'invalidParameter');
    const target = (match[1] ?? '').split('/').reduce(childOf, mask);
    if (match[2] !== undefined) addSelection(target, match[2]);
  }
}

/** Splits at `separator` outside of parentheses. */
function splitOutside(text: string, separator: string): string[] {
  const parts = [''];
  let depth = 0;
  for (const char of text) {
    if (char === '(') depth += 1;
    if (char === ')') depth -= 1;
    if (depth < 0) break;
    if (char === separator && depth === 0) parts.push('');
    else parts[parts.length - 1] += char;
  }
  if (depth !== 0) throw badRequest(`Invalid field selection ${text.slice(0, 80)}`, 'invalidParameter');
  return parts;
}

function childOf(mask: Mask, name: string): Mask {
  const child = mask.children.get(name) ?? emptyMask();
  mask.children.set(name, child);
  return child;
}

function applyMask(value: unknown, mask: Mask): unknown {
  if (mask.children.size === 0) return value;
  if (Array.isArray(value)) return value.map((item: unknown) => applyMask(item, mask));
  if (!isRecord(value)) return value;
  const all = mask.children.get('*');
  const kept: Record<string, unknown> = {};
  // The items of a listing have many more fields than are requested.
  for (const key of all === undefined ? mask.children.keys() : Object.keys(value)) {
    const child = mask.children.get(key) ?? all;
    if (child !== undefined && Object.hasOwn(value, key)) kept[key] = applyMask(value[key], child);
  }
  return kept;
}
