import type { IncomingMessage, ServerResponse } from 'node:http';
import { send, urlOf } from '../loopback.ts';
import { CLOUD_PLATFORM_SCOPE } from './tokens.ts';
import type { Tokens } from './tokens.ts';

export interface GkeApiOptions {
  /** Answers of clusters.get by `projects/P/locations/L/clusters/C`; read at each request, so a test may change them. */
  readonly clusters: Readonly<Record<string, object>>;
  readonly tokens: Tokens;
}

const INVALID_CREDENTIALS =
  'Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid ' +
  'authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.';
const MISSING_CREDENTIALS =
  'Request is missing required authentication credential. Expected OAuth 2 access token, login cookie or other valid ' +
  'authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.';

/** `GET /v1/projects/P/locations/L/clusters/C` of container.googleapis.com; anything else is 501. */
export function createGkeApiHandler({ clusters, tokens }: GkeApiOptions) {
  return (request: IncomingMessage, response: ServerResponse): void => {
    const name = /^\/v1\/(projects\/[^/]+\/locations\/[^/]+\/clusters\/[^/]+)$/.exec(urlOf(request).pathname)?.[1];
    if (name === undefined || request.method !== 'GET') {
      return fail(
        response,
        501,
        'UNIMPLEMENTED',
        `The local GKE API answers clusters.get only, not ${request.method} ${request.url}.`,
      );
    }
    if (!authorise(request, response, tokens)) return;
    const cluster = Object.hasOwn(clusters, name) ? clusters[name] : undefined;
    if (cluster !== undefined)
      return send(response, 200, 'application/json; charset=UTF-8', JSON.stringify(cluster, null, 2));
    const project = `${name.split('/', 2).join('/')}/`;
    if (Object.keys(clusters).some((known) => known.startsWith(project))) {
      return fail(response, 404, 'NOT_FOUND', `Not found: ${name}.`);
    }
    // In a project where the account has no permission, Google does not reveal whether the cluster exists.
    return fail(
      response,
      403,
      'PERMISSION_DENIED',
      `Required "container.clusters.get" permission(s) for "${name}".`,
      'IAM_PERMISSION_DENIED',
    );
  };
}

/** Google's error shape: https://cloud.google.com/apis/design/errors#http_mapping */
function fail(response: ServerResponse, code: number, status: string, message: string, reason?: string): void {
  const details = reason && [
    {
      '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
      reason,
      domain: 'googleapis.com',
      metadata: { service: 'container.googleapis.com' },
    },
  ];
  const body = { error: { code, message, status, ...(details !== undefined && { details }) } };
  const challenge = code === 401 ? { 'WWW-Authenticate': 'Bearer realm="https://accounts.google.com/"' } : {};
  send(response, code, 'application/json; charset=UTF-8', JSON.stringify(body, null, 2), challenge);
}

/** Returns true if the token is valid. Otherwise sends the refusal. */
function authorise(request: IncomingMessage, response: ServerResponse, tokens: Tokens): boolean {
  const value = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1];
  if (value === undefined) {
    fail(response, 401, 'UNAUTHENTICATED', MISSING_CREDENTIALS, 'CREDENTIALS_MISSING');
    return false;
  }
  const token = tokens.find(value);
  if (token === null) {
    fail(response, 401, 'UNAUTHENTICATED', INVALID_CREDENTIALS, 'ACCESS_TOKEN_INVALID');
    return false;
  }
  if (token.scopes.includes(CLOUD_PLATFORM_SCOPE)) return true;
  fail(
    response,
    403,
    'PERMISSION_DENIED',
    'Request had insufficient authentication scopes.',
    'ACCESS_TOKEN_SCOPE_INSUFFICIENT',
  );
  return false;
}
