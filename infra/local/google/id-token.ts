import { createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import type { JsonWebKey } from 'node:crypto';

const LIFETIME_SEC = 3600;
const KEY_ID = 'local';

export interface Subject {
  readonly email: string;
  readonly uniqueId: string;
}

export interface IdTokens {
  /** A signed OpenID Connect token; `full` adds the e-mail, as the metadata server's `format=full` does. */
  issue(subject: Subject, audience: string, full: boolean): string;
  /** The public key, to verify with: `GET /oauth2/v3/certs`. */
  jwks(): { readonly keys: readonly JsonWebKey[] };
}

/** Signs with an RSA key that is generated for each run. Only a verifier that uses `jwks` accepts the tokens. */
export function createIdTokens(now: () => number): IdTokens {
  let pair: ReturnType<typeof generateKeyPairSync> | undefined;
  function keys() {
    return (pair ??= generateKeyPairSync('rsa', { modulusLength: 2048 }));
  }
  return {
    issue: ({ email, uniqueId }, audience, full) => {
      const issuedAt = Math.floor(now() / 1000);
      const claims = {
        iss: 'https://accounts.google.com',
        aud: audience,
        azp: uniqueId,
        sub: uniqueId,
        ...(full && { email, email_verified: true }),
        iat: issuedAt,
        exp: issuedAt + LIFETIME_SEC,
      };
      const unsigned = `${encode({ alg: 'RS256', kid: KEY_ID, typ: 'JWT' })}.${encode(claims)}`;
      return `${unsigned}.${sign('sha256', Buffer.from(unsigned), keys().privateKey).toString('base64url')}`;
    },
    jwks: () => ({
      keys: [
        { ...createPublicKey(keys().privateKey).export({ format: 'jwk' }), kid: KEY_ID, alg: 'RS256', use: 'sig' },
      ],
    }),
  };
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
