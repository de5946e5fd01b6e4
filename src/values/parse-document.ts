import { isAlias, isMap, isScalar, isSeq, Lexer, parseAllDocuments } from 'yaml';
import type { Document, ErrorCode, Pair, ParsedNode, Scalar, YAMLMap } from 'yaml';
import { InvalidRequestError, TooLargeError, UnsupportedMediaError } from '../errors.ts';
import { formatPath, isDangerousKey, isJsonObject, MAX_DEPTH, quote } from './json.ts';
import type { JsonObject, MutableJson } from './json.ts';
import { overlayValues } from './merge.ts';

/** Real documents have about 1 KiB. At this size the YAML parser needs at most about a second, whatever the text. */
export const MAX_DOCUMENT_BYTES = 65_536;
/** The JSON text that all aliases together may add: enough for shared labels, far below a "billion laughs". */
const MAX_ALIASED_CHARS = 262_144;
const MAX_DOCUMENTS = 20;
const MAX_SHOWN_PATH = 200;
const CURL_HINT = 'curl -d @values.yaml removes the line breaks of the file: use curl --data-binary @values.yaml';

const JSON_TYPE = /^(application|text)\/([\w.+-]*\+)?json$/;
const FORM_TYPE = 'application/x-www-form-urlencoded';
const CORE_TAG = /^tag:yaml\.org,2002:(str|int|float|bool|null|map|seq)$/;
const TOO_DEEP = `more than ${MAX_DEPTH} levels of nesting`;

/** Replace the library's messages, which quote the document: it may contain a token. */
const YAML_ERRORS: Readonly<Partial<Record<ErrorCode, string>>> = {
  ALIAS_PROPS: 'an alias (*name) cannot have an anchor or a tag',
  BAD_ALIAS: 'an alias (*name) without a valid name',
  BAD_COLLECTION_TYPE: 'a tag that does not match its value: remove the tag',
  BAD_DIRECTIVE: 'an invalid % directive: remove it',
  BAD_DQ_ESCAPE: 'an unknown escape in double quotes: write \\\\ for a backslash, or use single quotes',
  BAD_INDENT: 'the indentation does not match the lines above, or a bracket before is not closed',
  BAD_PROP_ORDER: 'an anchor or a tag must be on the same line as its value, before it',
  BAD_SCALAR_START: 'text cannot start with this character: put it in quotes',
  BLOCK_AS_IMPLICIT_KEY: 'a second "key:" on one line: put the value in quotes, or the key on its own line',
  BLOCK_IN_FLOW: 'an indented block inside { } or [ ] is not allowed',
  KEY_OVER_1024_CHARS: 'a key of more than 1024 characters',
  MISSING_CHAR:
    'something is missing: a closing quote or bracket, a comma, a ":" after a key, or a space after ":" or "-"',
  MULTILINE_IMPLICIT_KEY: 'a key that spans several lines: is a ":" missing on the line before?',
  MULTIPLE_ANCHORS: 'two anchors on one value',
  MULTIPLE_TAGS: 'two tags on one value',
  RESOURCE_EXHAUSTION: TOO_DEEP,
  TAB_AS_INDENT: 'a tab as indentation: use spaces',
  TAG_RESOLVE_FAILED: 'a tag that is unknown or does not match its value: remove the tag',
  UNEXPECTED_TOKEN: 'an unexpected character: check the indentation and the quotes',
};

export interface ParseDocumentOptions {
  /** The Content-Type header, if any. */
  readonly contentType?: string | undefined;
  /** `body`: what a request sent. Text without any value is refused, because `curl -d` may have made it so. */
  readonly name?: 'body' | 'document';
}

/** The state of one conversion of a parsed YAML document to plain data. */
interface Walk {
  readonly text: string;
  /** From the root to the current node. */
  readonly path: (string | number)[];
  readonly anchors: Map<string, MutableJson>;
  readonly openAnchors: Set<string>;
  aliasedChars: number;
}
type Mapping = { [key: string]: MutableJson };

/**
 * Parses a JSON or YAML document into one mapping; an empty document is an empty mapping. Several YAML documents, separated by `---`, are
 * merged as helm merges several `-f` files: later ones win, and a `null` stays, so that it removes the key from configured values. With a JSON content type the document must be
 * strict JSON. With any other (curl's default included) it is YAML, of which JSON is a subset: YAML 1.2 core schema, so `yes`, `no`, `on`,
 * `off` and timestamps are text. helm (sigs.k8s.io/yaml, YAML 1.1) reads the first four as booleans; where the schema expects a boolean, its
 * error says to write true or false. Numbers that both read differently (`017`) are rejected.
 *
 * The result is plain data: no key that reaches a prototype, no shared or cyclic part, no number that lost digits.
 *
 * Throws TooLargeError above 64 KiB, UnsupportedMediaError for a charset other than UTF-8 or a multipart form, otherwise
 * InvalidRequestError with the line, the column and, where known, the field. No error quotes a value.
 */
export function parseDocument(bytes: Uint8Array, options: ParseDocumentOptions = {}): JsonObject {
  const { contentType = '', name = 'document' } = options;
  const type = (contentType.split(';')[0] ?? '').trim().toLowerCase();
  if (bytes.length > MAX_DOCUMENT_BYTES) throw tooLarge(name, bytes.length);
  checkMedia(type, contentType);
  const text = decode(bytes);
  if (text.trim() === '') return {};
  if (JSON_TYPE.test(type)) checkJson(text);
  const isOneLine = !/[\r\n]/.test(text);
  try {
    const documents = readYaml(text);
    const isCut = isOneLine && [...new Lexer().lex(text)].some((token) => token.startsWith('#'));
    if (name === 'body' && (documents.length === 0 || isCut)) throw lostText(text, documents.length > 0);
    return documents.reduce(overlayValues, {});
  } catch (error) {
    throw type === FORM_TYPE && isOneLine ? withCurlHint(error) : error;
  }
}

/** `curl -d @file` makes one line of a file, in which the first comment hides all that follows. */
function lostText(text: string, hasValues: boolean): InvalidRequestError {
  const what = hasValues
    ? 'the body is one line with a comment, which hides the text after it'
    : 'the body has text, but no values';
  return documentError(text, Math.max(0, text.indexOf('#')), `${what}. ${CURL_HINT}`);
}

function tooLarge(name: string, size: number): TooLargeError {
  const message = `has ${size} bytes; the limit is ${MAX_DOCUMENT_BYTES} bytes (64 KiB)`;
  return new TooLargeError(`The ${name} ${message}`, {
    details: { issues: [{ path: name, message }], size, limit: MAX_DOCUMENT_BYTES },
  });
}

function checkMedia(type: string, contentType: string): void {
  const charset = /;\s*charset\s*=\s*"?([^";\s]*)/i.exec(contentType)?.[1]?.toLowerCase();
  if (charset !== undefined && !['utf-8', 'utf8', 'us-ascii'].includes(charset)) {
    throw new UnsupportedMediaError('The document has a charset other than UTF-8: send it as UTF-8');
  }
  if (type.startsWith('multipart/')) {
    throw new UnsupportedMediaError(
      'The document is a multipart form: send the file itself, for example with curl --data-binary @values.yaml',
    );
  }
}

function decode(bytes: Uint8Array): string {
  const [first = 1, second = first] = bytes;
  const hasMark = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
  if (hasMark || (first === 0) !== (second === 0)) {
    throw documentError('', 0, 'the document is UTF-16: save it as UTF-8');
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    // TextDecoder does not report the position; the first replacement character is at or before the invalid byte.
    const text = new TextDecoder().decode(bytes);
    throw documentError(text, text.indexOf('\ufffd'), 'the document is not UTF-8: save it as UTF-8');
  }
}

/** An error about the character at `offset` of `text`. `message` must not quote a value. */
function documentError(text: string, offset: number, message: string, field = ''): InvalidRequestError {
  const lines = text.slice(0, offset).split(/\r\n|\r|\n/);
  const details = { line: lines.length, column: (lines.at(-1) ?? '').length + 1 };
  const where = `line ${details.line}, column ${details.column}`;
  const path = field.length > MAX_SHOWN_PATH ? `${field.slice(0, MAX_SHOWN_PATH)}…` : field;
  return new InvalidRequestError(
    `${path === '' ? '' : `${path}: `}${message} (${where})`,
    [{ path: path === '' ? where : path, message: `${message} (${where})` }],
    { details },
  );
}

/** Throws unless `text` is strict JSON (RFC 8259). */
function checkJson(text: string): void {
  const message = jsonProblem(text);
  if (message === undefined) return;
  const [, problem, position] = /^(.+) (?:in|after) JSON at position (\d+)/.exec(message) ?? [];
  if (problem !== undefined) throw documentError(text, Number(position), `not valid JSON: ${problem}`);
  if (!message.startsWith('Unexpected token')) {
    throw documentError(text, text.length, 'not valid JSON: the document ends too early');
  }
  // V8 quotes the text around an unexpected token and omits its position. The shortest prefix with this error ends in the token.
  let [good, bad] = [0, text.length];
  while (bad - good > 1) {
    const middle = Math.floor((good + bad) / 2);
    if (jsonProblem(text.slice(0, middle))?.startsWith('Unexpected token') === true) bad = middle;
    else good = middle;
  }
  throw documentError(text, good, 'not valid JSON: unexpected character where a value is expected');
}

function jsonProblem(text: string): string | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    return String(error instanceof Error ? error.message : error);
  }
}

/** `curl -d @file` sends a form's content type and removes the line breaks of the file. */
function withCurlHint(error: unknown): unknown {
  if (!(error instanceof InvalidRequestError) || error.message.includes(CURL_HINT)) return error;
  return new InvalidRequestError(`${error.message}. ${CURL_HINT}`, error.issues, {
    cause: error,
    details: error.details,
  });
}

/** The documents of `text` that have a value. */
function readYaml(text: string): readonly JsonObject[] {
  const documents = parseAllDocuments(text, {
    schema: 'core',
    version: '1.2',
    uniqueKeys: false, // The library compares every key with every other one, and by value: 1 and "1" differ. See `buildMapping`.
    prettyErrors: false,
    keepSourceTokens: true,
  });
  if (documents.length > MAX_DOCUMENTS) {
    throw documentError(text, documents[MAX_DOCUMENTS]?.range[0] ?? 0, `more than ${MAX_DOCUMENTS} documents`);
  }
  return [...documents].flatMap((document) => readOne(text, document));
}

function readOne(text: string, document: Document.Parsed): readonly JsonObject[] {
  const error = document.errors.find(({ code }) => code === 'RESOURCE_EXHAUSTION') ?? document.errors[0];
  if (error !== undefined) {
    const reason = YAML_ERRORS[error.code] ?? 'the text is not YAML';
    throw documentError(text, error.pos[0], `not valid YAML: ${reason}`);
  }
  const { explicit, version } = document.directives.yaml;
  if (explicit === true && version !== '1.2') {
    throw documentError(text, 0, '%YAML 1.1 is not supported: remove the directive');
  }
  const root = document.contents;
  if (root === null || (isScalar(root) && root.source === '' && root.value === null)) return [];
  const walk: Walk = { text, path: [], anchors: new Map(), openAnchors: new Set(), aliasedChars: 0 };
  const value = buildNode(walk, root);
  if (isJsonObject(value)) return [value];
  throw documentError(text, root.range[0], `the document is ${kindOf(value)}; a mapping (key: value) is expected`);
}

function kindOf(value: MutableJson): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'a list' : `a ${typeof value === 'string' ? 'text' : typeof value}`;
}

function buildNode(walk: Walk, node: ParsedNode): MutableJson {
  if (isAlias(node)) return copyAliased(walk, node, node.source);
  checkTag(walk, node);
  if (walk.path.length > MAX_DEPTH) return reject(walk, node, TOO_DEEP);
  if (node.anchor !== undefined) walk.openAnchors.add(node.anchor);
  const value = isMap(node)
    ? buildMapping(walk, node)
    : isSeq(node)
      ? node.items.map((item, index) => buildAt(walk, index, item))
      : checkScalar(walk, node);
  if (node.anchor !== undefined) {
    walk.openAnchors.delete(node.anchor);
    walk.anchors.set(node.anchor, value);
  }
  return value;
}

/** A copy, so that a later `--set` in one place does not change the other. */
function copyAliased(walk: Walk, node: ParsedNode, name: string): MutableJson {
  const target = walk.anchors.get(name);
  if (walk.openAnchors.has(name)) return reject(walk, node, `the alias *${name} is inside its own anchor`);
  if (target === undefined) return reject(walk, node, `the alias *${name} has no anchor before it`);
  if (walk.path.length + depthOf(target) > MAX_DEPTH) return reject(walk, node, TOO_DEEP);
  const text = JSON.stringify(target);
  walk.aliasedChars += text.length;
  if (walk.aliasedChars > MAX_ALIASED_CHARS) {
    return reject(walk, node, `aliases that expand to more than ${MAX_ALIASED_CHARS} characters: write the values out`);
  }
  return JSON.parse(text) as MutableJson;
}

function depthOf(value: MutableJson): number {
  if (typeof value !== 'object' || value === null) return 0;
  return Math.max(0, ...Object.values(value).map((member) => 1 + depthOf(member)));
}

function reject(walk: Walk, node: ParsedNode, message: string): never {
  throw documentError(walk.text, node.range[0], message, formatPath(walk.path));
}

function checkTag(walk: Walk, node: ParsedNode): void {
  if (node.tag !== undefined && !CORE_TAG.test(node.tag)) {
    reject(walk, node, 'a tag that is not in the YAML core schema: remove the tag');
  }
}

function buildMapping(walk: Walk, node: YAMLMap.Parsed): Mapping {
  const mapping: Mapping = {};
  let inherited: Mapping | undefined;
  for (const pair of node.items) {
    // For "? a" with "- b" on the next line, which is not YAML, the library drops the "- b" without an error.
    if (pair.srcToken?.start.some(({ type }) => type === 'explicit-key-ind') === true) {
      reject(walk, pair.key, 'an explicit key ("? "): write "key: value", or put the text in quotes');
    }
    if (isScalar(pair.key) && pair.key.type === 'PLAIN' && pair.key.value === '<<' && pair.key.tag === undefined) {
      if (inherited !== undefined) reject(walk, pair.key, 'a second "<<": write one, with a list of aliases');
      inherited = buildMerge(walk, pair);
      continue;
    }
    const key = keyOf(walk, pair.key);
    if (Object.hasOwn(mapping, key)) reject(walk, pair.key, `the key ${quote(key)} is a duplicate: keep one of them`);
    mapping[key] = buildAt(walk, key, pair.value);
  }
  return { ...inherited, ...mapping };
}

/** The merge key of YAML 1.1, which helm supports too: the mapping's own keys win, then those of the earlier source. */
function buildMerge(walk: Walk, pair: Pair<ParsedNode, ParsedNode | null>): Mapping {
  const value = buildAt(walk, '<<', pair.value);
  const sources = (Array.isArray(value) ? value : [value]).map((source) => {
    if (typeof source === 'object' && source !== null && !Array.isArray(source)) return source;
    return reject(walk, pair.key, '"<<" takes an alias of a mapping, or a list of them');
  });
  return Object.assign({}, ...sources.toReversed()) as Mapping;
}

function buildAt(walk: Walk, step: string | number, node: ParsedNode | null): MutableJson {
  walk.path.push(step);
  const value = node === null ? null : buildNode(walk, node);
  walk.path.pop();
  return value;
}

/** The key as written: `1: x` and `on: x` have the keys "1" and "on", because Kubernetes knows text keys only. */
function keyOf(walk: Walk, key: ParsedNode): string {
  if (!isScalar(key)) return reject(walk, key, 'a key that is a list, a mapping or an alias: keys must be text');
  checkTag(walk, key);
  const text = typeof key.value === 'string' ? key.value : key.source;
  if (key.value === null || text === undefined) return reject(walk, key, 'an entry without a key');
  if (isDangerousKey(text)) return reject(walk, key, `the key ${quote(text)} is not accepted`);
  if (!text.isWellFormed()) return reject(walk, key, 'a key with half a surrogate pair, which UTF-8 cannot encode');
  return text;
}

function checkScalar(walk: Walk, node: Scalar.Parsed): MutableJson {
  const { value } = node;
  if (typeof value === 'boolean' || value === null) return value;
  if (typeof value === 'string') {
    return value.isWellFormed()
      ? value
      : reject(walk, node, 'text with half a surrogate pair, which UTF-8 cannot encode');
  }
  if (typeof value !== 'number') return reject(walk, node, 'a value that is not text, number, boolean or null');
  if (!Number.isFinite(value))
    return reject(walk, node, 'a number that is not finite: write a number, or put it in quotes');
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) {
    return reject(walk, node, 'an integer beyond 2^53 would lose digits: put it in quotes, or write a smaller one');
  }
  if (/^[-+]?0\d/.test(node.source)) {
    const advice = 'remove the zeros, or put it in quotes';
    return reject(walk, node, `a number with leading zeros (octal for helm, decimal in YAML 1.2): ${advice}`);
  }
  return value;
}
