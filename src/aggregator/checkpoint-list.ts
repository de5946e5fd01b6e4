import { Fault, within } from './fault.ts';
import { checkPath } from './paths.ts';

/** One line of the checkpoint list: the path of an update and its line number, from 1. */
export interface ListedUpdate {
  readonly path: string;
  readonly line: number;
}

const MAX_LINE_CHARACTERS = 8192;

/**
 * Yields the updates of a checkpoint list: one path per line, no header, blank lines skipped. The extension of
 * `listPath` decides between csv, tsv and plain text. Throws Fault if a line is no path, or if the list is not UTF-8.
 */
export async function* readCheckpointList(
  chunks: AsyncIterable<Uint8Array>,
  listPath: string,
): AsyncGenerator<ListedUpdate> {
  const separator = separatorOf(listPath);
  let line = 0;
  for await (const text of readLines(chunks)) {
    line += 1;
    if (text.trim() === '') continue;
    yield within(`line ${line}`, () => {
      const path = parseColumn(text.trim(), separator);
      checkPath(path);
      return { path, line };
    });
  }
}

function separatorOf(listPath: string): string | null {
  return listPath.endsWith('.csv') ? ',' : listPath.endsWith('.tsv') ? '\t' : null;
}

/** Yields lines without line ends (LF or CRLF) and without a byte order mark. */
async function* readLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let rest = '';
  for await (const text of decode(chunks)) {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > MAX_LINE_CHARACTERS) throw new Fault(`a line is longer than ${MAX_LINE_CHARACTERS} characters`);
    yield* lines.map((line) => line.replace(/\r$/, ''));
  }
  yield rest.replace(/\r$/, '');
}

async function* decode(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  function decodeNext(chunk?: Uint8Array): string {
    try {
      return decoder.decode(chunk, { stream: chunk !== undefined });
    } catch (error) {
      throw new Fault('it is not UTF-8', { cause: error });
    }
  }
  for await (const chunk of chunks) yield decodeNext(chunk);
  yield decodeNext();
}

/** Returns the only column. In a csv it may be quoted. A second column is an error. */
function parseColumn(text: string, separator: string | null): string {
  const quoted = separator === ',' ? /^"((?:[^"]|"")*)"$/.exec(text)?.[1] : undefined;
  if (quoted !== undefined) return quoted.replaceAll('""', '"');
  if (separator !== null && text.includes(separator)) throw new Fault('it has more than one column');
  return text;
}
