import type { Issue } from '../errors.ts';
import { InvalidRequestError } from '../errors.ts';
import type { ObjectStore } from '../storage/port.ts';
import { parseGsUri } from '../storage/uri.ts';
import { listLineProblem } from '../values/aggregator-text.ts';
import type { Allowances } from '../jobs/allowed.ts';
import { pathIssue } from '../jobs/allowed.ts';

const FIELD = 'aggregator.checkpointsFilePath';
// A path has at most 1,024 bytes of name and 222 of bucket; what is longer without a line end is no list.
const MAX_LINE_CHARACTERS = 2_048;
// Every line is kept until the end, to find duplicates; this bounds the memory to some 150 MB.
const MAX_UPDATES = 1_000_000;

/** The list itself is faulty: a retry cannot succeed while the object is the same. */
export class CheckpointListError extends InvalidRequestError {}

/** The object under the name is not the requested generation. */
export class SupersededListError extends CheckpointListError {}

/** A checked checkpoint list. */
export interface CheckpointList {
  /** Lines, one update each. */
  readonly updates: number;
  /** Of the object that was read. */
  readonly generation: string;
  /** Lines that name a bundle (`.zip`); the others name directories. */
  readonly bundles: number;
}

/**
 * Reads the checkpoint list at `uri` as a stream and checks every line: a `gs://` path in an allowed bucket, one per
 * line, no header, at least one. Throws CheckpointListError naming the first faulty line by its number (from 1),
 * SupersededListError where the object is not of the `generation` asked for, and what the store throws.
 */
export async function checkCheckpointList(
  store: ObjectStore,
  uri: string,
  allowed: Allowances,
  { signal, generation }: { readonly signal?: AbortSignal | undefined; readonly generation?: string | undefined } = {},
): Promise<CheckpointList> {
  const stream = await store.stream(parseGsUri(uri, FIELD), { signal });
  if (stream === null) {
    const message = `${uri} does not exist; upload the list first, e.g. gcloud storage cp list.txt ${uri}`;
    throw new CheckpointListError(message, [{ path: FIELD, message }]);
  }
  if (generation !== undefined && stream.info.generation !== generation) {
    await stream.body[Symbol.asyncIterator]().return?.();
    const message = `${uri} was uploaded again: generation ${generation} no longer exists, and generation ${stream.info.generation} has its own run`;
    throw new SupersededListError(message, [{ path: FIELD, message }]);
  }
  const lines = lineChecker(uri, allowed);
  await forEachLine(stream.body, lines.check, (number) => {
    throw fault(uri, number, `is longer than ${MAX_LINE_CHARACTERS} characters; write one gs://BUCKET/NAME per line`);
  });
  const { updates, bundles } = lines.result();
  if (updates === 0) {
    const message = `${uri} is empty; write one gs://BUCKET/NAME per line`;
    throw new CheckpointListError(message, [{ path: FIELD, message }]);
  }
  return { updates, bundles, generation: stream.info.generation };
}

function lineChecker(uri: string, allowed: Allowances) {
  const lines = new Map<string, number>();
  let bundles = 0;
  let emptyLine: number | undefined;
  function check(text: string, number: number): void {
    if (text === '') {
      emptyLine ??= number;
      return;
    }
    // Editors leave empty lines at the end; an empty line before a path would be an update without a name.
    if (emptyLine !== undefined) throw fault(uri, emptyLine, 'is empty; write one gs://BUCKET/NAME per line');
    const issue = pathIssue(allowed, FIELD, text);
    if (issue !== null) throw fault(uri, number, issue.message);
    const problem = listLineProblem(text);
    if (problem !== null) throw fault(uri, number, problem);
    const first = lines.get(text);
    if (first !== undefined)
      throw fault(uri, number, `is the same update as line ${first}, which would count twice; remove one of them`);
    if (lines.size === MAX_UPDATES)
      throw fault(uri, number, `is beyond the ${MAX_UPDATES} updates that a list may have`);
    lines.set(text, number);
    if (text.endsWith('.zip')) bundles += 1;
  }
  return { check, result: () => ({ updates: lines.size, bundles }) };
}

function fault(uri: string, line: number, message: string): CheckpointListError {
  return new CheckpointListError(
    `${uri}, line ${line}: ${message}`,
    [{ path: FIELD, message: `line ${line}: ${message}` } satisfies Issue],
    {
      details: { line },
    },
  );
}

/** Calls `onLine(text, number)` for each line; a line may end in CRLF, the last one needs no end. */
async function forEachLine(
  body: AsyncIterable<Uint8Array>,
  onLine: (text: string, number: number) => void,
  onTooLong: (number: number) => never,
): Promise<void> {
  // Not fatal: a byte that is not UTF-8 becomes U+FFFD, which the path check refuses with its line number.
  const decoder = new TextDecoder('utf-8');
  let rest = '';
  let number = 0;
  function take(text: string): void {
    return onLine(text.endsWith('\r') ? text.slice(0, -1) : text, (number += 1));
  }
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) take(line);
    if (rest.length > MAX_LINE_CHARACTERS) onTooLong(number + 1);
  }
  rest += decoder.decode();
  if (rest !== '') take(rest);
}
