import type { IncomingMessage, ServerResponse } from 'node:http';
import { send, urlOf } from '../loopback.ts';
import { CLOUD_PLATFORM_SCOPE } from './tokens.ts';
import type { IdTokens, Subject } from './id-token.ts';
import type { Tokens } from './tokens.ts';

export const METADATA_PREFIX = '/computeMetadata/v1';

export interface MetadataOptions {
  readonly subject: Subject;
  readonly projectId: string;
  readonly tokens: Tokens;
  readonly idTokens: IdTokens;
  readonly now: () => number;
}

interface Answer {
  readonly status?: number;
  readonly text?: string;
  readonly json?: unknown;
}

/**
 * The metadata server, as far as google-auth-library uses it. Its rules:
 * https://cloud.google.com/compute/docs/metadata/querying-metadata. A key that is not here is 404, as on a machine
 * that lacks it.
 */
export function createMetadataHandler(options: MetadataOptions) {
  return (request: IncomingMessage, response: ServerResponse): void => {
    const flavor = { 'Metadata-Flavor': 'Google', Server: 'Metadata Server for VM' };
    const url = urlOf(request);
    if (request.method !== 'GET') return send(response, 405, 'text/plain', 'Method Not Allowed\n', flavor);
    // Google's protection against request forgery: a browser cannot send the first header, and a proxy adds the second.
    if (request.headers['metadata-flavor'] !== 'Google' || request.headers['x-forwarded-for'] !== undefined) {
      return send(
        response,
        403,
        'text/html; charset=UTF-8',
        'Missing required header "Metadata-Flavor": "Google"\n',
        flavor,
      );
    }
    const answer = answerOf(options, url.pathname.slice(METADATA_PREFIX.length), url.searchParams);
    if (answer === null) return send(response, 404, 'text/html; charset=UTF-8', 'Not Found\n', flavor);
    if (answer.json !== undefined) return send(response, 200, 'application/json', JSON.stringify(answer.json), flavor);
    return send(response, answer.status ?? 200, 'application/text', answer.text ?? '', flavor);
  };
}

function answerOf(options: MetadataOptions, path: string, query: URLSearchParams): Answer | null {
  const { email } = options.subject;
  if (path === '' || path === '/') return { text: 'instance/\nproject/\nuniverse/\n' };
  if (path === '/instance' || path === '/instance/') return { text: 'service-accounts/\n' };
  if (path === '/instance/service-accounts/') return { text: `default/\n${email}/\n` };
  if (path === '/project/project-id') return { text: options.projectId };
  if (path === '/universe/universe-domain') return { text: 'googleapis.com' };
  const account = /^\/instance\/service-accounts\/([^/]+)\/([a-z]+)$/.exec(path);
  const [, name, key] = account ?? [];
  if (name === undefined || key === undefined) return null;
  return name === 'default' || decodeURIComponent(name) === email ? accountAnswer(options, key, query) : null;
}

function accountAnswer(options: MetadataOptions, key: string, query: URLSearchParams): Answer | null {
  const { subject, tokens, idTokens, now } = options;
  if (key === 'email') return { text: subject.email };
  if (key === 'aliases') return { text: 'default\n' };
  if (key === 'scopes') return { text: `${CLOUD_PLATFORM_SCOPE}\n` };
  if (key === 'token') {
    const token = tokens.issue(parseScopes(query.get('scopes')));
    const expiresInSec = Math.max(0, Math.floor((token.expiresAtMs - now()) / 1000));
    return { json: { access_token: token.value, expires_in: expiresInSec, token_type: 'Bearer' } };
  }
  if (key === 'identity') {
    const audience = query.get('audience') ?? '';
    if (audience === '') return { status: 400, text: 'non-empty audience parameter required' };
    return { text: idTokens.issue(subject, audience, query.get('format') === 'full') };
  }
  return null;
}

function parseScopes(text: string | null): string[] {
  const scopes = (text ?? '').split(/[\s,]+/).filter((scope) => scope !== '');
  // Without `?scopes=` a Compute Engine token has the instance's scopes: the e-mail is not among them, which is what makes
  // the Kubernetes API see a numeric user.
  return scopes.length > 0 ? scopes : [CLOUD_PLATFORM_SCOPE];
}
