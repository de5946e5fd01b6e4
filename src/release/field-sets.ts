/**
 * Sets of fields in FieldsV1 form: keys are path elements, an empty set is a leaf.
 * https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/object-meta/ (fieldsV1)
 */
export type FieldSet = Readonly<Record<string, unknown>>;

/** The entry of a list, or the map, itself. */
const SELF = '.';
const BRACKETS = /^\[((?:"(?:[^"\\]|\\.)*"|[^\]"])*)\]/;
const KEY_VALUE = /(\w*)=("(?:[^"\\]|\\.)*"|[^,]+)/g;

export function unionFields(a: FieldSet, b: FieldSet): FieldSet {
  const union: Record<string, unknown> = { ...a };
  for (const [key, value] of Object.entries(b)) {
    const own = union[key];
    union[key] = isFieldSet(own) && isFieldSet(value) ? unionFields(own, value) : value;
  }
  return union;
}

function isFieldSet(value: unknown): value is FieldSet {
  return typeof value === 'object' && value !== null;
}

/** What is in `a` and not in `b`. A leaf of `b` is a field as a whole. */
export function subtractFields(a: FieldSet, b: FieldSet): FieldSet {
  const rest: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(a)) {
    const other = b[key];
    if (!isFieldSet(other)) rest[key] = value;
    else if (isFieldSet(value) && !isLeaf(value) && !isLeaf(other)) {
      const below = subtractFields(value, other);
      if (!isLeaf(below)) rest[key] = below;
    }
  }
  return rest;
}

function isLeaf(set: FieldSet): boolean {
  return Object.keys(set).length === 0;
}

/** The paths of a set, for people. An entry of a list that is in it as a whole is one path. */
export function pathsOf(set: FieldSet, path = ''): string[] {
  return Object.entries(set).flatMap(([element, below]) => {
    // Of a map it says that it was set at all, which none of its fields is.
    if (element === SELF) return [];
    const here = join(path, stepOf(element));
    const isWhole = !isFieldSet(below) || isLeaf(below) || (element.startsWith('k:') && SELF in below);
    return isWhole ? [here] : pathsOf(below, here);
  });
}

/**
 * The value at a path as the API server writes it in a conflict, `spec.containers[name="flea"].image`; `undefined` where
 * the object has none. A key that contains dots is found as the longest one that the path begins with.
 */
export function valueAt(value: unknown, path: string): unknown {
  if (path === '' || value === undefined) return value;
  const [element, content = ''] = BRACKETS.exec(path) ?? [];
  if (element !== undefined) {
    return Array.isArray(value) ? valueAt(entryOf(value, content), path.slice(element.length)) : undefined;
  }
  if (!isFieldSet(value)) return undefined;
  const rest = path.startsWith('.') ? path.slice(1) : path;
  const [key] = Object.keys(value)
    .filter((one) => rest.startsWith(one) && /^($|[.[])/.test(rest.slice(one.length)))
    .toSorted((a, b) => b.length - a.length);
  return key === undefined ? undefined : valueAt(value[key], rest.slice(key.length));
}

/** The entry of a list: by its index, its value (`="x"`) or its keys (`name="x",port=80`). */
function entryOf(list: readonly unknown[], content: string): unknown {
  if (/^\d+$/.test(content)) return list[Number(content)];
  const pairs = [...content.matchAll(KEY_VALUE)].map(([, key = '', text = '']) => [key, parsed(text)] as const);
  return list.find((entry) =>
    pairs.every(([key, wanted]) => (key === '' ? entry : isFieldSet(entry) ? entry[key] : undefined) === wanted),
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function join(path: string, step: string): string {
  return path === '' || step.startsWith('[') ? `${path}${step}` : `${path}.${step}`;
}

/** `k:{"name":"x"}` and `v:"x"` as `[x]`, `f:a` as `a`. */
function stepOf(element: string): string {
  const [kind, text] = [element.slice(0, 2), element.slice(2)];
  if (kind !== 'k:' && kind !== 'v:') return text;
  const value: unknown = JSON.parse(text);
  return `[${isFieldSet(value) ? Object.values(value).join(',') : String(value)}]`;
}
