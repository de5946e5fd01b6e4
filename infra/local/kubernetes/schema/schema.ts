import data from './data.json' with { type: 'json' };

export type Leaf =
  | 'string'
  | 'bool'
  | 'int32'
  | 'int64'
  | 'bytes'
  | 'Time'
  | 'MicroTime'
  | 'Quantity'
  | 'IntOrString'
  | 'FieldsV1';

/** The type of a value, as the Go structs of Kubernetes declare it. */
export type Type =
  | { readonly kind: 'leaf'; readonly leaf: Leaf }
  | { readonly kind: 'struct'; readonly name: string }
  | { readonly kind: 'list' | 'map'; readonly element: Type };

export interface Field {
  readonly name: string;
  /** Field number in protobuf. */
  readonly number: number;
  readonly type: Type;
  readonly pointer: boolean;
  /** No `omitempty`: written even when empty. */
  readonly always: boolean;
  /** Written even when absent: such a field, a struct that is no pointer, a time. */
  readonly isAlwaysThere: boolean;
  /** Server-side apply treats the value as one: it has one owner. */
  readonly atomic: boolean;
  /** Server-side apply merges the list by these keys. */
  readonly mapKeys: readonly string[];
  readonly isSet: boolean;
  /** Strategic merge patch. */
  readonly patchStrategies: readonly string[];
  readonly mergeKey: string | undefined;
  readonly default: string | undefined;
  /** In protobuf the field sits in this nested message, whose fields JSON has inline. */
  readonly inlineIn: number | undefined;
}

export interface Struct {
  readonly name: string;
  readonly atomic: boolean;
  /** In the order in which Go writes them. */
  readonly fields: ReadonlyMap<string, Field>;
  readonly ordered: readonly Field[];
  /** protobuf numbers of embedded structs. */
  readonly inlined: ReadonlyMap<number, Struct>;
}

const leaves: ReadonlySet<string> = new Set<Leaf>([
  'string',
  'bool',
  'int32',
  'int64',
  'bytes',
  'Time',
  'MicroTime',
  'Quantity',
  'IntOrString',
  'FieldsV1',
]);

const texts: Readonly<Record<string, string>> = data.types;
const parsed = new Map<string, Struct>();

/** The struct of that name, such as `core.PodSpec`. Throws if the table does not contain it, which is a bug. */
export function structOf(name: string): Struct {
  const known = parsed.get(name);
  if (known !== undefined) return known;
  const text = texts[name];
  if (text === undefined) throw new Error(`the schema table has no type ${name}`);
  const struct = parseStruct(name, text);
  parsed.set(name, struct);
  return struct;
}

function parseStruct(name: string, text: string): Struct {
  const atomic = text.startsWith('@atomic ');
  const fields = new Map<string, Field>();
  const inlined = new Map<number, Struct>();
  for (const part of (atomic ? text.slice(8) : text).split(' ')) {
    if (part === '') continue;
    const field = parseField(part);
    if (field.name !== '~' || field.type.kind !== 'struct') {
      fields.set(field.name, field);
      continue;
    }
    const inner = structOf(field.type.name);
    inlined.set(field.number, inner);
    for (const each of inner.fields.values()) fields.set(each.name, { ...each, inlineIn: field.number });
  }
  return { name, atomic, fields, ordered: [...fields.values()], inlined };
}

function parseField(text: string): Field {
  const [head = '', ...flags] = text.split('|');
  const [, name = '', number = '', pointer = '', type = ''] = /^([^=]+)=(\d+):(\*?)(.*)$/.exec(head) ?? [];
  function argument(flag: string): string | undefined {
    return flags.find((each) => each.startsWith(`${flag}(`))?.slice(flag.length + 1, -1);
  }
  const parsedType = parseType(type);
  const isPointer = pointer === '*';
  const always = flags.includes('always');
  return {
    name,
    number: Number(number),
    type: parsedType,
    pointer: isPointer,
    always,
    isAlwaysThere: always || (!isPointer && isWrittenEmpty(parsedType)),
    atomic: flags.includes('atomic'),
    mapKeys: argument('map')?.split(',') ?? [],
    isSet: flags.includes('set'),
    patchStrategies: argument('patch')?.split(',') ?? [],
    mergeKey: argument('key'),
    default: argument('default'),
    inlineIn: undefined,
  };
}

function parseType(text: string): Type {
  if (text.startsWith('[]')) return { kind: 'list', element: parseType(text.slice(2)) };
  if (text.startsWith('{}')) return { kind: 'map', element: parseType(text.slice(2)) };
  return isLeaf(text) ? { kind: 'leaf', leaf: text } : { kind: 'struct', name: text };
}

function isLeaf(text: string): text is Leaf {
  return leaves.has(text);
}

/** Go's omitempty leaves out neither structs nor times, which are structs. */
function isWrittenEmpty(type: Type): boolean {
  return type.kind === 'struct' || (type.kind === 'leaf' && ['Time', 'MicroTime', 'IntOrString'].includes(type.leaf));
}

/** All names of the table, for the check against the client library's models. */
export function structNames(): readonly string[] {
  return Object.keys(texts);
}
