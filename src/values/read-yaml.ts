import { Composer, Lexer, LineCounter, Parser } from 'yaml';
import type { CST, Document, ErrorCode, ParsedNode } from 'yaml';
import { documentError, positionAt, TOO_DEEP } from './document-error.ts';
import { MAX_DEPTH } from './json.ts';
import type { MutableJson } from './json.ts';
import { buildYamlValue } from './yaml-value.ts';

/**
 * `yaml` needs about 5 µs per token and reports errors one by one, so a megabyte of "- a" lines, or of stray quotes, would hold the
 * process for 4 to 15 seconds. Real values have a few thousand tokens; what exceeds this is asked to come as JSON.
 */
const MAX_TOKENS = 30_000;

/** Of our own, because the library's messages quote the text, and a token may have been pasted there. */
const MESSAGES: Readonly<Record<ErrorCode, string>> = {
  ALIAS_PROPS: 'an alias (*name) cannot have an anchor or a tag',
  BAD_ALIAS: 'an alias (*name) without a usable name',
  BAD_COLLECTION_TYPE: 'a tag that does not fit what follows it: leave the tag out',
  BAD_DIRECTIVE: 'a faulty % directive: leave it out',
  BAD_DQ_ESCAPE: 'an unknown escape in double quotes: write \\\\ for a backslash, or use single quotes',
  BAD_INDENT: 'the indentation does not fit the lines above, or a bracket before is not closed',
  BAD_PROP_ORDER: 'an anchor or a tag must stand on the same line, before the value',
  BAD_SCALAR_START: 'text cannot start with this character: put it in quotes',
  BLOCK_AS_IMPLICIT_KEY: 'a second "key:" on one line: put the value in quotes, or the key on a line of its own',
  BLOCK_IN_FLOW: 'indented blocks cannot stand inside { } or [ ]',
  DUPLICATE_KEY: 'a key that stands here a second time: keep one of them',
  IMPOSSIBLE: 'this is not YAML',
  KEY_OVER_1024_CHARS: 'a key of more than 1024 characters',
  MISSING_CHAR:
    'something is missing: a closing quote or bracket, a comma, a ":" after a key, or a space after ":" or "-"',
  MULTILINE_IMPLICIT_KEY: 'a key over several lines: is the ":" missing on the line before?',
  MULTIPLE_ANCHORS: 'two anchors on one value',
  MULTIPLE_DOCS: 'a second document: send one, without "---" between',
  MULTIPLE_TAGS: 'two tags on one value',
  NON_STRING_KEY: 'a key that is not text',
  RESOURCE_EXHAUSTION: 'too much nesting or too many aliases',
  TAB_AS_INDENT: 'a tab as indentation: use spaces',
  TAG_RESOLVE_FAILED: 'a tag that is not known, or does not fit its value: leave it out',
  UNEXPECTED_TOKEN: 'this does not belong here: check the indentation and the quotes',
};

// A backslash and what may follow it in double quotes (YAML 1.2.2, 5.7); group 1 is a backslash that none of it follows.
const ESCAPE =
  /\\(?:[0abtnvfre "/\\N_LP\t\r\n]|x[\da-fA-F]{2}|u[\da-fA-F]{4}|U000[\da-fA-F]{5}|U0010[\da-fA-F]{4})|(\\)/g;

/** The lexer's mark before the text of a plain or block scalar. */
const SCALAR_FOLLOWS = '\u001f';
const EXPLICIT_KEY = 'an explicit key ("? "): write "key: value", or put the text in quotes';

/**
 * One YAML document, or `null` when there is none. YAML 1.2 core schema: `yes`, `no`, `on`, `off` and timestamps are text, whereas helm
 * (sigs.k8s.io/yaml over go-yaml v2, YAML 1.1) makes booleans of the first four: where a boolean is expected, the schema tells to write
 * true or false. What both read, but as different numbers (`017`), is refused. Throws InvalidRequestError with line and column.
 */
export function readYaml(text: string): { readonly value: MutableJson; readonly empty: boolean } {
  const lines = new LineCounter();
  const document = composeOne(text, lines);
  if (document === null || document.contents === null) return { value: null, empty: true };
  const { explicit, version } = document.directives.yaml;
  if (explicit === true && version !== '1.2') {
    throw documentError({ line: 1, column: 1 }, '%YAML 1.1 is not read: leave the directive out');
  }
  const value = buildYamlValue(document.contents, (offset) => positionOf(lines, offset));
  return { value, empty: value === null && isEmptyNode(document.contents) };
}

function composeOne(text: string, lines: LineCounter): Document.Parsed<ParsedNode> | null {
  // Keys are compared in yaml-value.ts: the library's own check is quadratic (160 s for a megabyte of distinct keys).
  const composer = new Composer({
    schema: 'core',
    version: '1.2',
    uniqueKeys: false,
    prettyErrors: false,
    keepSourceTokens: false,
  });
  let first: Document.Parsed<ParsedNode> | null = null;
  for (const document of composer.compose(tokensOf(text, lines))) {
    if (first !== null) throw documentError(positionOf(lines, document.range[0]), MESSAGES.MULTIPLE_DOCS);
    first = document;
    const [error] = document.errors;
    if (error !== undefined) throw syntaxError(lines, error.pos[0], error.code);
  }
  const [error] = composer.streamInfo().errors;
  if (error !== undefined) throw syntaxError(lines, error.pos[0], error.code);
  return first;
}

/** Tokens of the document, refused as soon as they are too many or nest too deeply: the composer after it is recursive. */
function* tokensOf(text: string, lines: LineCounter): Generator<CST.Token> {
  const parser = new Parser(lines.addNewLine);
  let count = 0;
  let previous = '';
  lines.addNewLine(0);
  for (const lexeme of new Lexer().lex(text)) {
    count += 1;
    checkEscapes(text, lexeme, parser.offset);
    // "? a" with "- b" on the next line is no YAML, and the library drops the "- b" without an error.
    if (lexeme === '?' && previous !== SCALAR_FOLLOWS)
      throw documentError(positionAt(text, parser.offset), EXPLICIT_KEY);
    previous = lexeme;
    yield* parser.next(lexeme);
    if (count > MAX_TOKENS) {
      throw documentError(
        positionOf(lines, parser.offset),
        `more than ${MAX_TOKENS} YAML tokens: send a document of this size as JSON`,
      );
    }
    if (parser.stack.length > MAX_DEPTH + 2) throw documentError(positionOf(lines, parser.offset), TOO_DEEP);
  }
  yield* parser.end();
}

/** The library makes one error of each faulty escape: 13 s for a megabyte of them. The first one is enough. */
function checkEscapes(text: string, lexeme: string, offset: number): void {
  if (!lexeme.startsWith('"')) return;
  for (const match of lexeme.matchAll(ESCAPE)) {
    if (match[1] !== undefined)
      throw documentError(positionAt(text, offset + match.index), `not valid YAML: ${MESSAGES.BAD_DQ_ESCAPE}`);
  }
}

function positionOf(lines: LineCounter, offset: number): { line: number; column: number } {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(line, 1), column: Math.max(col, 1) };
}

function syntaxError(lines: LineCounter, offset: number, code: ErrorCode): Error {
  return documentError(positionOf(lines, offset), `not valid YAML: ${MESSAGES[code]}`);
}

function isEmptyNode(node: ParsedNode): boolean {
  return 'source' in node && node.source === '';
}
