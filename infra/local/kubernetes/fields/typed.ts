import { isFields, isList } from '../json.ts';
import type { Fields } from '../json.ts';
import { structOf } from '../schema/schema.ts';
import type { Field, Leaf, Type } from '../schema/schema.ts';
import { elementOf, keysOf } from './shape.ts';
import type { Shape } from './shape.ts';

/**
 * What in an applied configuration does not fit the schema, as structured-merge-diff says it: fields that are not
 * declared, values of the wrong type, list items without their key or twice.
 */
export function typeFaults(struct: string, config: Fields): readonly string[] {
  const faults: string[] = [];
  checkStruct(struct, config, '', faults);
  return faults.toSorted((a, b) => (a < b ? -1 : 1));
}

function checkStruct(name: string, value: unknown, path: string, faults: string[]): void {
  if (value === null) return;
  if (!isFields(value)) {
    faults.push(`${path}: expected map, got ${shown(value)}`);
    return;
  }
  const { fields } = structOf(name);
  for (const [key, entry] of Object.entries(value)) {
    const below = `${path}.${key}`;
    const field = fields.get(key);
    if (field !== undefined) check(field.type, entry, below, faults, field);
    else if (!(path === '' && (key === 'kind' || key === 'apiVersion')))
      faults.push(`${below}: field not declared in schema`);
  }
}

function shown(value: unknown): string {
  if (isList(value)) return 'list';
  if (isFields(value)) return 'map';
  return typeof value === 'string' ? 'string' : `&value.valueUnstructured{Value:${String(value)}}`;
}

function check(type: Type, value: unknown, path: string, faults: string[], field?: Field): void {
  if (value === null || value === undefined) return;
  if (type.kind === 'struct') return checkStruct(type.name, value, path, faults);
  if (type.kind === 'leaf') return checkLeaf(type.leaf, value, path, faults);
  if (type.kind === 'map') {
    if (!isFields(value)) faults.push(`${path}: expected map, got ${shown(value)}`);
    else for (const [key, entry] of Object.entries(value)) check(type.element, entry, `${path}.${key}`, faults);
    return;
  }
  if (!isList(value)) {
    faults.push(`${path}: expected list, got ${shown(value)}`);
    return;
  }
  const names = itemNames(type.element, value, path, faults, field);
  for (const [index, item] of value.entries())
    check(type.element, item, `${path}${names[index] ?? `[${index}]`}`, faults);
}

function checkLeaf(leaf: Leaf, value: unknown, path: string, faults: string[]): void {
  const numeric = leaf === 'int32' || leaf === 'int64';
  if (numeric && typeof value !== 'number')
    faults.push(`${path}: expected numeric (int or float), got ${shown(value)}`);
  if (leaf === 'bool' && typeof value !== 'boolean') faults.push(`${path}: expected boolean, got ${shown(value)}`);
  if ((leaf === 'string' || leaf === 'bytes') && typeof value !== 'string')
    faults.push(`${path}: expected string, got ${shown(value)}`);
}

/** Items of a list with keys are named by them; a key may neither be missing nor occur twice. */
function itemNames(
  element: Type,
  items: readonly unknown[],
  path: string,
  faults: string[],
  field: Field | undefined,
): readonly string[] {
  if (field === undefined || field.mapKeys.length === 0 || element.kind !== 'struct') return [];
  const keys = keysOf(field);
  const shape: Shape = { kind: 'keyed', element: { kind: 'leaf' }, keys };
  const seen = new Set<string>();
  return items.map((item, index) => {
    const absent = keys.find(
      ({ name, initial }) => initial === undefined && isFields(item) && item[name] === undefined,
    );
    if (absent !== undefined) {
      faults.push(
        `${path}: element ${index}: associative list with keys has an element that omits key field ${JSON.stringify(absent.name)} (and doesn't have default value)`,
      );
      return `[${index}]`;
    }
    const name = elementOf(shape, item).slice(2);
    const shownName = `[${name.slice(1, -1).replaceAll(/"(\w+)":/g, '$1=')}]`;
    if (seen.has(name)) faults.push(`${path}: duplicate entries for key ${shownName}`);
    seen.add(name);
    return shownName;
  });
}
