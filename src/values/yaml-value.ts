import { isAlias, isMap, isScalar, isSeq } from 'yaml';
import type { Pair, ParsedNode, Scalar, YAMLMap } from 'yaml';
import { documentError, UNSAFE_INTEGER, TOO_DEEP } from './document-error.ts';
import type { Position } from './document-error.ts';
import { formatPath, isDangerousKey, MAX_DEPTH, quote } from './json.ts';
import type { MutableJson } from './json.ts';

/** What all aliases together may add to a document: enough for shared labels, far below a "billion laughs". */
const MAX_ALIASED_NODES = 10_000;
const MAX_ALIASED_CHARS = 1_048_576;

const CORE_TAG = /^tag:yaml\.org,2002:(str|int|float|bool|null|map|seq)$/;

interface Walk {
  readonly positionOf: (offset: number) => Position;
  readonly anchors: Map<string, MutableJson>;
  readonly open: Set<string>;
  readonly path: (string | number)[];
  aliasedNodes: number;
  aliasedChars: number;
}

/** A composed YAML node as plain data. Throws InvalidRequestError naming the field, the line and the column. */
export function buildYamlValue(node: ParsedNode, positionOf: (offset: number) => Position): MutableJson {
  return buildNode(
    { positionOf, anchors: new Map(), open: new Set(), path: [], aliasedNodes: 0, aliasedChars: 0 },
    node,
  );
}

function buildNode(walk: Walk, node: ParsedNode): MutableJson {
  if (isAlias(node)) {
    if (walk.open.has(node.source)) return refuse(walk, node, `the alias *${node.source} stands inside its own anchor`);
    const target = walk.anchors.get(node.source);
    if (target === undefined) return refuse(walk, node, `the alias *${node.source} has no anchor before it`);
    return copyAliased(walk, node, target, walk.path.length);
  }
  if (node.anchor === undefined) return buildPlain(walk, node);
  walk.open.add(node.anchor);
  const value = buildPlain(walk, node);
  walk.open.delete(node.anchor);
  walk.anchors.set(node.anchor, value);
  return value;
}

function refuse(walk: Walk, node: ParsedNode, message: string): never {
  throw documentError(walk.positionOf(node.range[0]), message, formatPath(walk.path));
}

/** A copy, so that a later `--set` in one place does not change the other. */
function copyAliased(walk: Walk, node: ParsedNode, value: MutableJson, depth: number): MutableJson {
  walk.aliasedNodes += 1;
  walk.aliasedChars += typeof value === 'string' ? value.length : 0;
  if (walk.aliasedNodes > MAX_ALIASED_NODES || walk.aliasedChars > MAX_ALIASED_CHARS) {
    return refuse(
      walk,
      node,
      `aliases that expand to more than ${MAX_ALIASED_NODES} values or a megabyte of text: write them out`,
    );
  }
  if (depth > MAX_DEPTH) return refuse(walk, node, TOO_DEEP);
  if (Array.isArray(value)) return value.map((item) => copyAliased(walk, node, item, depth + 1));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value);
  return Object.fromEntries(entries.map(([key, item]) => [key, copyAliased(walk, node, item, depth + 1)]));
}

function buildPlain(walk: Walk, node: ParsedNode): MutableJson {
  checkTag(walk, node);
  if (walk.path.length > MAX_DEPTH) return refuse(walk, node, TOO_DEEP);
  if (isMap(node)) return buildMapping(walk, node);
  if (isSeq(node)) return node.items.map((item, index) => buildAt(walk, index, item));
  if (isScalar(node)) return buildScalar(walk, node);
  return refuse(walk, node, 'neither a value, a list nor a mapping');
}

function checkTag(walk: Walk, node: ParsedNode): void {
  if (node.tag !== undefined && !CORE_TAG.test(node.tag))
    refuse(walk, node, 'a tag that is not of the YAML core schema: leave it out');
}

function buildMapping(walk: Walk, node: YAMLMap.Parsed): MutableJson {
  const mapping: { [key: string]: MutableJson } = {};
  const merged: { [key: string]: MutableJson }[] = [];
  for (const pair of node.items) {
    if (isMergeKey(pair)) {
      if (merged.length > 0) refuse(walk, pair.key, 'a second "<<": write one, with a list of aliases');
      merged.push(...buildMerge(walk, pair));
      continue;
    }
    const key = keyOf(walk, pair);
    if (Object.hasOwn(mapping, key))
      refuse(walk, pair.key, `the key ${quote(key)} stands here a second time: keep one of them`);
    mapping[key] = buildAt(walk, key, pair.value);
  }
  for (const [key, value] of merged.flatMap((source) => Object.entries(source))) {
    if (!Object.hasOwn(mapping, key)) mapping[key] = value;
  }
  return mapping;
}

function isMergeKey(pair: Pair<ParsedNode, ParsedNode | null>): boolean {
  return isScalar(pair.key) && pair.key.type === 'PLAIN' && pair.key.value === '<<' && pair.key.tag === undefined;
}

/** `<<` of YAML 1.1, which helm reads too: keys of the mapping itself win, then those of the earlier source. */
function buildMerge(walk: Walk, pair: Pair<ParsedNode, ParsedNode | null>): { [key: string]: MutableJson }[] {
  const value = buildAt(walk, '<<', pair.value);
  const sources = Array.isArray(value) ? value : [value];
  return sources.map((source) => {
    if (typeof source === 'object' && source !== null && !Array.isArray(source)) return source;
    return refuse(walk, pair.key, '"<<" takes an alias of a mapping, or a list of them');
  });
}

function buildAt(walk: Walk, step: string | number, node: ParsedNode | null): MutableJson {
  walk.path.push(step);
  const value = node === null ? null : buildNode(walk, node);
  walk.path.pop();
  return value;
}

/** `1: x` and `on: x` have the keys "1" and "on": Kubernetes has no other keys than text. */
function keyOf(walk: Walk, pair: Pair<ParsedNode, ParsedNode | null>): string {
  const { key } = pair;
  if (!isScalar(key)) return refuse(walk, key, 'a key that is a list, a mapping or an alias: keys are text');
  checkTag(walk, key);
  const text = typeof key.value === 'string' ? key.value : key.source;
  if (key.value === null || text === undefined) return refuse(walk, key, 'an entry without a key');
  if (isDangerousKey(text)) return refuse(walk, key, `the key ${quote(text)} is not accepted`);
  if (!text.isWellFormed()) return refuse(walk, key, 'a key with half a surrogate pair: it has no UTF-8 form');
  return text;
}

function buildScalar(walk: Walk, node: Scalar.Parsed): MutableJson {
  const { value } = node;
  if (typeof value === 'number') return checkNumber(walk, node, value);
  if (typeof value === 'string') {
    return value.isWellFormed() ? value : refuse(walk, node, 'text with half a surrogate pair: it has no UTF-8 form');
  }
  if (typeof value === 'boolean' || value === null) return value;
  return refuse(walk, node, 'a value that is neither text, number, boolean nor null');
}

function checkNumber(walk: Walk, node: Scalar.Parsed, value: number): number {
  if (!Number.isFinite(value))
    return refuse(walk, node, 'a number that is not finite: write a number, or put it in quotes');
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) return refuse(walk, node, UNSAFE_INTEGER);
  if (/^[-+]?0\d/.test(node.source)) {
    return refuse(
      walk,
      node,
      'a number with leading zeros (octal for helm, decimal in YAML 1.2): leave them out, or put it in quotes',
    );
  }
  return value;
}
