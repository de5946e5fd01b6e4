import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What a command-line client asked, and the answer with which it went on to its expected end. */
export interface Exchange {
  /** The command line that made it. */
  readonly command: string;
  readonly method: string;
  /** With its query. */
  readonly path: string;
  /** Those that the API heeds. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly answer: Answer;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON as a value, other text as a string. */
  readonly body: unknown;
}

export interface Session {
  /** `gcloud-528`: the file's name, and the client. */
  readonly name: string;
  readonly exchanges: readonly Exchange[];
}

const REQUEST_HEADERS =
  /^(?:content-(?:type|range|encoding)|range|x-upload-.*|x-goog-(?:if|copy|meta|acl|encryption).*)$/;
const COMPARED_HEADERS = /^(?:content-(?:type|range)|range|location|x-goog-(?:hash|stored.*))$/;

/** The headers of a request that are kept. */
export function pickRequestHeaders(headers: Readonly<Record<string, unknown>>): Record<string, string> {
  return pick(headers, REQUEST_HEADERS);
}

function pick(headers: Readonly<Record<string, unknown>>, wanted: RegExp): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => (wanted.test(name) ? [[name, String(value)]] : [])),
  );
}

/** The headers of an answer that are kept and compared. */
export function pickCompared(headers: Readonly<Record<string, unknown>>): Record<string, string> {
  return pick(headers, COMPARED_HEADERS);
}

/** Every recorded session. */
export function readSessions(): readonly Session[] {
  return readdirSync(import.meta.dirname)
    .filter((file) => file.endsWith('.jsonl'))
    .toSorted()
    .map((file) => {
      const lines = readFileSync(join(import.meta.dirname, file), 'utf8')
        .split('\n')
        .slice(0, -1);
      return { name: file.replace(/\.jsonl$/, ''), exchanges: lines.map((line): Exchange => JSON.parse(line)) };
    });
}
