import { isJsonObject } from './json.ts';
import { valuesJsonSchema } from './schema.ts';

type Node = { readonly [key: string]: unknown };
type Path = readonly PropertyKey[];

let root: Node | undefined;

const SECTIONS: readonly Path[] = [
  [],
  ['aggregator'],
  ['repository'],
  ['repository', 'deployment'],
  ['repository', 'service'],
  ['flea'],
  ['flea', 'deployment'],
  ['flea', 'service'],
  ['rounds', 0],
  ['lists', 0],
  ['schedules', 0],
];

/** The keys that the mapping at `path` may have; none where any key may stand. */
export function knownKeysAt(path: Path): readonly string[] {
  const node = nodeAt(path);
  if (node === undefined) return [];
  return branchesOf(node).flatMap((branch) => (isNode(branch['properties']) ? Object.keys(branch['properties']) : []));
}

function nodeAt(path: Path): Node | undefined {
  return path.reduce<Node | undefined>(
    (node, step) => (node === undefined ? undefined : stepInto(node, step)),
    rootNode(),
  );
}

function stepInto(node: Node, step: PropertyKey): Node | undefined {
  for (const branch of branchesOf(node)) {
    if (typeof step === 'number' && isNode(branch['items'])) return branch['items'];
    const properties = branch['properties'];
    const own = isNode(properties) && Object.hasOwn(properties, step) ? properties[String(step)] : undefined;
    if (isNode(own)) return own;
    if (isNode(branch['additionalProperties'])) return branch['additionalProperties'];
  }
  return undefined;
}

function branchesOf(node: Node): readonly Node[] {
  const branches = node['anyOf'];
  return Array.isArray(branches) ? branches.filter(isNode) : [node];
}

function isNode(value: unknown): value is Node {
  return isJsonObject(value);
}

/** Built once: it never changes, and takes milliseconds. */
function rootNode(): Node {
  return (root ??= valuesJsonSchema());
}

/**
 * Whether the field at `path` holds text of a free form, so that `--set` keeps what was typed: `aggregator.tag=1234567` is a tag.
 * A field that takes numbers too (a quantity) is not one.
 */
export function isTextField(path: readonly (string | number)[]): boolean {
  const node = nodeAt(path);
  const types = node === undefined ? [] : branchesOf(node).map((branch) => branch['type']);
  return types.includes('string') && !types.includes('number') && !types.includes('integer');
}

/** The sections, other than the one at `path`, that know `key`: where it may have been meant to stand. */
export function sectionsWith(key: string, path: Path): readonly string[] {
  const here = path.join('.');
  return SECTIONS.filter((section) => section.join('.') !== here && knownKeysAt(section).includes(key)).map((section) =>
    section.length === 0
      ? 'the top level'
      : section
          .map((step) => (typeof step === 'number' ? '[]' : step))
          .join('.')
          .replace('.[]', '[]'),
  );
}
