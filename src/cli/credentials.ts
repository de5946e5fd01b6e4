import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { GoogleAuth, Impersonated } from 'google-auth-library';
import { configFolder, writePrivate } from './config.ts';
import { CliError, EXIT } from './errors.ts';
import { at, isRecord, parseOr } from './json.ts';

export interface CredentialOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly token?: string | undefined;
  readonly impersonate?: string | undefined;
}

const run = promisify(execFile);
const GCLOUD_MS = 30_000;
// A token that ends while the call is on its way would be refused.
const MARGIN_MS = 60_000;

export type Tokens = (address: string, impersonate?: string) => Promise<string | undefined>;

/**
 * Identity tokens for functions, each kept until shortly before it expires; `undefined` for a function on this machine,
 * which asks for none. Sources, in this order: `--token` or `TIO_TOKEN`; the impersonated service account; application
 * default credentials that can sign identity tokens (service account, metadata server, impersonation);
 * `gcloud auth print-identity-token`. Throws CliError (5) naming every source that was tried and why it failed.
 */
export function createTokens(options: CredentialOptions): Tokens {
  const kept = new Map<string, string>();
  return async (address, impersonate) => {
    const given = options.token ?? options.env['TIO_TOKEN'] ?? '';
    if (given !== '') return given;
    const { hostname, origin } = new URL(address);
    if (['127.0.0.1', 'localhost', '[::1]'].includes(hostname)) return undefined;
    const known = kept.get(origin);
    if (known !== undefined && isFresh(known)) return known;
    const token = await fetchToken(origin, options.env, impersonate);
    kept.set(origin, token);
    return token;
  };
}

async function fetchToken(origin: string, env: CredentialOptions['env'], impersonate?: string): Promise<string> {
  const tried: string[] = [];
  const sources: readonly (readonly [string, () => Promise<string>])[] =
    impersonate === undefined
      ? [
          ['application default credentials', () => defaultToken(origin)],
          ['gcloud auth print-identity-token', () => gcloudToken(origin, env)],
        ]
      : [
          [`impersonation of ${impersonate}`, () => impersonatedToken(origin, impersonate)],
          ['gcloud auth print-identity-token', () => gcloudToken(origin, env, impersonate)],
        ];
  for (const [name, source] of sources) {
    try {
      return await source();
    } catch (error) {
      tried.push(`${name}: ${firstLine(error)}`);
    }
  }
  throw new CliError(
    `No identity token for ${origin}. Tried:\n  --token, TIO_TOKEN: not given\n  ${tried.join('\n  ')}\nLog in: gcloud auth login`,
    EXIT.unreachable,
  );
}

async function defaultToken(audience: string): Promise<string> {
  const client = await new GoogleAuth().getIdTokenClient(audience);
  return client.idTokenProvider.fetchIdToken(audience);
}

async function impersonatedToken(audience: string, targetPrincipal: string): Promise<string> {
  const sourceClient = await new GoogleAuth({ scopes: 'https://www.googleapis.com/auth/cloud-platform' }).getClient();
  const client = new Impersonated({ sourceClient, targetPrincipal, targetScopes: [] });
  return client.fetchIdToken(audience, { includeEmail: true });
}

// A user's own token has no audience of ours; Cloud Run accepts it from gcloud. With an account to impersonate it has one.
async function gcloudToken(audience: string, env: CredentialOptions['env'], impersonate?: string): Promise<string> {
  const file = join(configFolder(env), 'tokens.json');
  const key = impersonate === undefined ? 'user' : `${impersonate} ${audience}`;
  const kept = await readTokens(file);
  const known = kept[key];
  if (known !== undefined && isFresh(known)) return known;
  const flags =
    impersonate === undefined
      ? []
      : [`--impersonate-service-account=${impersonate}`, `--audiences=${audience}`, '--include-email'];
  const { stdout } = await run('gcloud', ['auth', 'print-identity-token', ...flags], { timeout: GCLOUD_MS });
  const token = stdout.trim();
  if (Number.isNaN(expiryOf(token))) throw new Error('gcloud printed no identity token');
  await writePrivate(file, JSON.stringify({ ...kept, [key]: token }));
  return token;
}

async function readTokens(file: string): Promise<Record<string, string>> {
  const kept = parseOr(await readFile(file, 'utf8').catch(() => ''));
  if (!isRecord(kept)) return {};
  return Object.fromEntries(
    Object.entries(kept).flatMap(([key, token]) => (typeof token === 'string' ? [[key, token]] : [])),
  );
}

function isFresh(token: string): boolean {
  return expiryOf(token) > Date.now() + MARGIN_MS;
}

/** When a token ends, in milliseconds since 1970; NaN for a text that is no token. */
function expiryOf(token: string): number {
  const claims = parseOr(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'));
  return Number(at(claims, 'exp') ?? Number.NaN) * 1000;
}

function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const [first = '', ...rest] = text.split('\n').filter((line) => line.trim() !== '');
  return first.startsWith('Command failed')
    ? (rest.find((line) => line.startsWith('ERROR')) ?? rest[0] ?? first)
    : first;
}
