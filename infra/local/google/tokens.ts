import { randomBytes } from 'node:crypto';

export const CLOUD_PLATFORM_SCOPE = 'https://www.googleapis.com/auth/cloud-platform';
export const USERINFO_EMAIL_SCOPE = 'https://www.googleapis.com/auth/userinfo.email';

/** The metadata server returns its cached token until this share of the lifetime is left (about 5 min of an hour). */
const RENEWED_SHARE = 1 / 12;

export interface IssuedToken {
  readonly value: string;
  readonly scopes: readonly string[];
  readonly expiresAtMs: number;
}

export interface Tokens {
  /** Returns the cached token of these scopes while it is valid long enough, else a new one. */
  issue(scopes: readonly string[]): IssuedToken;
  /** `null` for a token that is unknown, expired or revoked. */
  find(value: string): IssuedToken | null;
  /** The valid tokens. */
  live(): ReadonlySet<string>;
  revokeAll(): void;
}

/** Access tokens as the metadata server issues and caches them: one per set of scopes. */
export function createTokens(lifetimeSec: number, now: () => number): Tokens {
  const issued = new Map<string, IssuedToken>();
  const cached = new Map<string, IssuedToken>();
  function find(value: string): IssuedToken | null {
    const token = issued.get(value);
    return token !== undefined && token.expiresAtMs > now() ? token : null;
  }

  function issue(scopes: readonly string[]): IssuedToken {
    const key = [...new Set(scopes)].toSorted().join(' ');
    const known = cached.get(key);
    if (known !== undefined && known.expiresAtMs - now() > lifetimeSec * 1000 * RENEWED_SHARE) return known;
    const value = `ya29.${randomBytes(24).toString('base64url')}`;
    const token: IssuedToken = { value, scopes, expiresAtMs: now() + lifetimeSec * 1000 };
    issued.set(value, token);
    cached.set(key, token);
    return token;
  }

  return {
    issue,
    find,
    live: () => new Set([...issued.keys()].filter((value) => find(value) !== null)),
    revokeAll: () => {
      issued.clear();
      cached.clear();
    },
  };
}
