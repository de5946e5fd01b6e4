import { createServer } from 'node:http';
import { createGkeApiHandler } from './google/gke-api.ts';
import { createIdTokens } from './google/id-token.ts';
import { createMetadataHandler, METADATA_PREFIX } from './google/metadata.ts';
import { createTokens, USERINFO_EMAIL_SCOPE } from './google/tokens.ts';
import { closeServer, listenOnLoopback, send, urlOf } from './loopback.ts';

export interface GoogleOptions {
  readonly port?: number;
  /** The service account the functions run as. */
  readonly email: string;
  readonly projectId?: string;
  /** Answers of clusters.get by `projects/P/locations/L/clusters/C`; read at each request. */
  readonly clusters: Readonly<Record<string, object>>;
  readonly tokenLifetimeSec?: number;
  /** The account's numeric id: the user that the Kubernetes API sees if a token lacks the `userinfo.email` scope. */
  readonly uniqueId?: string;
  readonly now?: () => number;
}

export interface Google {
  /** For `GCE_METADATA_HOST` (host:port, no scheme). */
  readonly metadataHost: string;
  /** Replaces `https://container.googleapis.com`. */
  readonly gkeApiUrl: string;
  /** Tokens issued and neither expired nor revoked. */
  issuedTokens(): ReadonlySet<string>;
  /** The user that a Kubernetes API sees for a token: the e-mail if its scopes allow that, else the numeric id; `null` if the token is no longer valid. */
  userOf(token: string): string | null;
  /** Revokes every token issued so far. */
  revokeAll(): void;
  /** While down, closes connections without an answer. */
  setDown(down: boolean): void;
  /** `METHOD /path?query` of every request so far, including those without an answer. */
  requests(): readonly string[];
  close(): Promise<void>;
}

/**
 * The metadata server and the GKE API on one loopback port, for the real google-auth-library to talk to:
 * `GCE_METADATA_HOST=<metadataHost>` and, on a machine that is not Google's, `METADATA_SERVER_DETECTION=assume-present`.
 */
export async function startGoogle(options: GoogleOptions): Promise<Google> {
  const { email, projectId = 'local-project', uniqueId = '100000000000000000001', now = Date.now } = options;
  const tokens = createTokens(options.tokenLifetimeSec ?? 3600, now);
  const idTokens = createIdTokens(now);
  const metadata = createMetadataHandler({ subject: { email, uniqueId }, projectId, tokens, idTokens, now });
  const gkeApi = createGkeApiHandler({ clusters: options.clusters, tokens });
  const requests: string[] = [];
  let down = false;

  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    const { pathname } = urlOf(request);
    if (down) request.socket.destroy();
    else if (pathname.startsWith(METADATA_PREFIX)) metadata(request, response);
    // Older libraries detect the server by the flavour header of `GET /`.
    else if (pathname === '/')
      send(response, 200, 'application/text', 'computeMetadata/\n', { 'Metadata-Flavor': 'Google' });
    else if (pathname === '/oauth2/v3/certs') send(response, 200, 'application/json', JSON.stringify(idTokens.jwks()));
    else gkeApi(request, response);
  });
  const port = await listenOnLoopback(server, options.port);

  return {
    metadataHost: `127.0.0.1:${port}`,
    gkeApiUrl: `http://127.0.0.1:${port}`,
    issuedTokens: () => tokens.live(),
    userOf: (value) => {
      const token = tokens.find(value);
      if (token === null) return null;
      return token.scopes.includes(USERINFO_EMAIL_SCOPE) ? email : uniqueId;
    },
    revokeAll: () => tokens.revokeAll(),
    setDown: (value) => {
      down = value;
    },
    requests: () => requests,
    close: () => closeServer(server),
  };
}
