import type { ServerResponse } from 'node:http';
import type { Fields } from '../json.ts';

/** What a handler gives back: a document, or something that writes to the response itself (a watch, a log). */
export type Answer =
  | {
      readonly kind: 'document';
      readonly code: number;
      readonly body: Fields;
      /** Each becomes a `Warning` header. */
      readonly warnings?: readonly string[];
      readonly contentType?: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  | {
      readonly kind: 'text';
      readonly code: number;
      readonly text: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  | { readonly kind: 'stream'; readonly run: (response: ServerResponse) => void | Promise<void> };

export function document(code: number, body: Fields, warnings: readonly string[] = []): Answer {
  return {
    kind: 'document',
    code,
    body,
    warnings,
  };
}
