import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What a client asked, and what a real API server answered; uids, generated names and times are masked (mask.ts). */
export interface Exchange {
  /** The command line that made it. */
  readonly command: string;
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly accept?: string;
  /** Of the request's body. */
  readonly type?: string;
  readonly body?: string;
  /** The body is binary: protobuf, in base64. */
  readonly isBase64?: boolean;
  readonly answer: Answer;
}

export interface Answer {
  readonly status: number;
  readonly type: string;
  /** JSON as a value, other text as a string; absent where it is too large to keep, which discovery and OpenAPI are. */
  readonly body?: unknown;
  /** Of a watch: the event that made the client end it. */
  readonly lastEvent?: unknown;
}

/** One session of one kubectl. */
export interface Session {
  /** `kubectl-1.31`: the file's name, and what was recorded. */
  readonly name: string;
  /** The namespace it works in: bodies in protobuf name it, so that it cannot be another one. */
  readonly namespace: string;
  readonly exchanges: readonly Exchange[];
}

/** `kubectl-1-31`, of `kubectl-1.31`. */
export function namespaceOf(name: string): string {
  return name.replaceAll('.', '-');
}

/** Every recorded session. */
export function readSessions(): readonly Session[] {
  return readdirSync(import.meta.dirname)
    .filter((file) => file.endsWith('.jsonl'))
    .toSorted()
    .map((file) => {
      const name = file.replace(/\.jsonl$/, '');
      const lines = readFileSync(join(import.meta.dirname, file), 'utf8')
        .split('\n')
        .slice(0, -1);
      return {
        name,
        namespace: namespaceOf(name),
        exchanges: lines.map((line): Exchange => JSON.parse(line)),
      };
    });
}
