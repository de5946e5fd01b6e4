import { badRequest } from './errors.ts';

/** A `multipart/related` upload: the metadata part, then the media part as it arrives. */
export interface MultipartUpload {
  readonly metadata: string;
  readonly contentType: string | undefined;
  readonly media: AsyncIterable<Buffer>;
}

const MAX_METADATA_BYTES = 2 * 1024 * 1024;
const MAX_HEADER_LINES = 100;

type Cutter = ReturnType<typeof createCutter>;

/** The boundary of a Content-Type; gcloud puts it in single quotes, which are no quotes in RFC 2045. */
export function parseBoundary(contentType: string | undefined): string {
  const match = /^multipart\/related\s*;.*?\bboundary=(?:"([^"]+)"|'([^']+)'|([^;\s]+))/i.exec(contentType ?? '');
  const boundary = match?.[1] ?? match?.[2] ?? match?.[3];
  if (boundary === undefined) throw badRequest('Missing multipart/related boundary in the Content-Type header.');
  return boundary;
}

/**
 * Reads the metadata part; `media` streams the second part. Lines may end in CRLF or, as gcloud sends them,
 * LF; the end of the first boundary line decides which. Throws 400.
 */
export async function readMultipart(source: AsyncIterable<unknown>, boundary: string): Promise<MultipartUpload> {
  const cutter = createCutter(source[Symbol.asyncIterator]());
  const preamble = await cutter.until(`--${boundary}`);
  const eol = (await cutter.until('\n')).endsWith('\r') ? '\r\n' : '\n';
  if (preamble.trim() !== '') throw badRequest('Malformed multipart body.');
  await readHeaders(cutter, eol);
  const metadata = await cutter.until(`${eol}--${boundary}`);
  if ((await cutter.until(eol)).trim() !== '') throw badRequest('Multipart body with one part; two are needed.');
  const headers = await readHeaders(cutter, eol);
  const encoding = headerOf(headers, 'content-transfer-encoding')?.toLowerCase() ?? 'binary';
  if (!['binary', '8bit', '7bit'].includes(encoding)) throw badRequest(`Unsupported transfer encoding ${encoding}.`);
  return { metadata, contentType: headerOf(headers, 'content-type'), media: cutter.stream(`${eol}--${boundary}`) };
}

/** Cuts a stream of chunks at delimiters. */
function createCutter(source: AsyncIterator<unknown>) {
  let held: Buffer = Buffer.alloc(0);
  async function pull(): Promise<boolean> {
    const { done, value } = await source.next();
    if (done === true) return false;
    if (Buffer.isBuffer(value)) held = held.length === 0 ? value : Buffer.concat([held, value]);
    return true;
  }
  return {
    /** Returns the bytes before `delimiter` and consumes it. Throws 400 if it is missing. */
    async until(delimiter: string): Promise<string> {
      let index = held.indexOf(delimiter);
      while (index < 0) {
        if (held.length > MAX_METADATA_BYTES || !(await pull())) throw badRequest('Malformed multipart body.');
        index = held.indexOf(delimiter);
      }
      const text = held.toString('utf8', 0, index);
      held = held.subarray(index + Buffer.byteLength(delimiter));
      return text;
    },
    /** Yields the chunks before `delimiter`. Throws 400 if it is missing, because the body is truncated. */
    async *stream(delimiter: string): AsyncGenerator<Buffer, void, undefined> {
      const keep = Buffer.byteLength(delimiter) - 1;
      for (;;) {
        const index = held.indexOf(delimiter);
        if (index >= 0) {
          if (index > 0) yield held.subarray(0, index);
          return;
        }
        if (held.length > keep) yield held.subarray(0, held.length - keep);
        held = held.subarray(Math.max(0, held.length - keep));
        if (!(await pull())) throw badRequest('Malformed multipart body: the final boundary is missing.');
      }
    },
  };
}

/** The header lines of a part, up to and including the empty line; there may be none. */
async function readHeaders(cutter: Cutter, eol: string): Promise<readonly string[]> {
  const lines: string[] = [];
  for (let line = await cutter.until(eol); line !== ''; line = await cutter.until(eol)) {
    if (lines.push(line) > MAX_HEADER_LINES) throw badRequest('Malformed multipart body: too many header lines.');
  }
  return lines;
}

function headerOf(lines: readonly string[], name: string): string | undefined {
  return lines
    .find((line) => line.toLowerCase().startsWith(`${name}:`))
    ?.slice(name.length + 1)
    .trim();
}
