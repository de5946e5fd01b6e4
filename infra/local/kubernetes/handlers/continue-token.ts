import { isFields } from '../json.ts';
import { badRequest } from '../status.ts';

/** Where a list goes on: at which state of the store, after which key. */
export interface ContinueToken {
  /** -1: at the newest state (the token of a list that outlived its history). */
  readonly resourceVersion: number;
  readonly after: string;
}

/** In the form of the API server: base64 of `{"v","rv","start"}`, where start is the key and a zero byte. */
export function encodeContinue(token: ContinueToken): string {
  return Buffer.from(
    JSON.stringify({ v: 'meta.k8s.io/v1', rv: token.resourceVersion, start: `${token.after}\0` }),
  ).toString('base64url');
}

/** Throws 400 for a token that is none of ours. */
export function decodeContinue(text: string): ContinueToken {
  const parsed = parse(Buffer.from(text, 'base64url').toString('utf8'));
  if (!isFields(parsed) || typeof parsed['rv'] !== 'number' || typeof parsed['start'] !== 'string') {
    throw badRequest('invalid continue token: continue key is not valid: it has no version and no key');
  }
  return { resourceVersion: parsed['rv'], after: parsed['start'].replace(/\0$/, '') };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const [first = ''] = text;
    throw badRequest(
      `invalid continue token: continue key is not valid: invalid character '${first}' looking for beginning of value`,
    );
  }
}
