import type { AuthClient } from 'google-auth-library';
import { type AppError, UnavailableError, UpstreamError } from '../errors.ts';
import { countUpstreamCall } from '../log.ts';
import { isTransientStatus } from '../upstream/call.ts';
import { coalesce, memoise } from '../upstream/memoise.ts';
import { describeNetworkError } from '../upstream/network-error.ts';

/**
 * With `userinfo.email` the API server identifies a service account by its email. Without it the user is a number, and
 * no RoleBinding to the email matches (kubernetes/kubernetes#58141).
 */
const SCOPES = ['https://www.googleapis.com/auth/cloud-platform', 'https://www.googleapis.com/auth/userinfo.email'];
/** Without a project ID the library looks one up first (gcloud, metadata server); no call here needs it. */
const UNUSED_PROJECT = 'unused';
const TIMEOUT_MS = 8_000;
/** Calls that may be repeated are repeated as a whole by their caller. */
const RETRY_ONCE = { retry: 1, noResponseRetries: 1, retryDelay: 100 };

/** For messages: the purpose of a call, and the IAM permission that it needs. */
interface Purpose {
  readonly what: string;
  readonly permission: string;
}

/** The service account of this process. */
export interface GoogleIdentity {
  /** An access token; throws AppError. */
  readonly token: (options?: { readonly forceRefresh: boolean }) => Promise<string>;
  /** The JSON answer of a GET to a Google API; throws AppError.*/
  readonly getJson: (url: string, purpose: Purpose) => Promise<unknown>;
}

/**
 * The identity of google-auth-library's default credentials: on Cloud Run the metadata server, elsewhere
 * `gcloud auth application-default login` or workload identity federation.
 *
 * The library never asks again for a metadata server that it did not find, so a client that could not be created is
 * discarded.
 */
export function createGoogleIdentity(): GoogleIdentity {
  const client = memoise(async () => {
    // Loaded at the first use: it is a large part of a cold start.
    const { GoogleAuth } = await import('google-auth-library');
    const clientOptions = { forceRefreshOnFailure: true };
    return new GoogleAuth({ scopes: SCOPES, projectId: UNUSED_PROJECT, clientOptions }).getClient();
  });
  const forceRefresh = coalesce(async () => {
    const made = await client.get();
    expireToken(made);
    return (await made.getAccessToken()).token;
  });
  async function cached() {
    return (await (await client.get()).getAccessToken()).token;
  }
  return {
    token: async (options) => {
      const asked = options?.forceRefresh === true ? forceRefresh() : cached();
      const token = await asked.catch((error: unknown) => {
        throw translateTokenError(error);
      });
      if (typeof token === 'string' && token !== '') return token;
      throw new UpstreamError('No access token for the cluster: the credentials returned none.');
    },
    getJson: async (url, purpose) => {
      const made = await client.get().catch((error: unknown) => {
        throw translateTokenError(error);
      });
      countUpstreamCall();
      try {
        const answer = await made.request<unknown>({
          url,
          responseType: 'json',
          timeout: TIMEOUT_MS,
          retryConfig: RETRY_ONCE,
        });
        return answer.data;
      } catch (error) {
        throw translateGetError(error, purpose);
      }
    },
  };
}

/** Marks the cached token as expired: the library has no public refresh method that all kinds of credentials share. */
function expireToken(client: AuthClient): void {
  return client.setCredentials({ ...client.credentials, expiry_date: 1 });
}

function translateTokenError(error: unknown): AppError {
  const status = readStatus(error);
  if (status !== undefined && !isTransientStatus(status)) {
    return new UpstreamError(
      `No access token for the cluster: the identity service answered ${status}. Check that the service account of the function exists and is enabled.`,
      { details: { upstreamStatus: status } },
    );
  }
  const network = describeNetworkError(error);
  if (status === undefined && network.code === undefined && /default credentials/.test(firstLine(error))) {
    return new UpstreamError(
      'No Google credentials were found: on Google Cloud give the function a service account; elsewhere run `gcloud auth application-default login`, or configure a kubeconfig.',
    );
  }
  return new UnavailableError(
    `No access token for the cluster: the metadata server ${status === undefined ? `could not be reached (${network.text})` : `answered ${status}`}. This may be temporary; try again.`,
    { cause: network.cause },
  );
}

/** The HTTP status of a gaxios error; without one there was no response. */
function readStatus(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('status' in error)) return undefined;
  const status = Number(error.status);
  return Number.isInteger(status) && status >= 100 ? status : undefined;
}

/** Only the first line of the library's message is repeated: the rest may contain what was sent. */
function firstLine(error: unknown): string {
  return error instanceof Error ? (error.message.split('\n')[0] ?? '').slice(0, 300) : 'unknown error';
}

function translateGetError(error: unknown, { what, permission }: Purpose): AppError {
  const status = readStatus(error);
  const details = status === undefined ? {} : { upstreamStatus: status };
  if (status === 401 || status === 403) {
    return new UpstreamError(
      `Could not ${what}: Google Cloud answered ${status}. Grant the function's service account ${permission} (roles/container.clusterViewer has it), and check that the Kubernetes Engine API is enabled in the project.`,
      { details },
    );
  }
  if (status === 404) {
    return new UpstreamError(
      `Could not ${what}: there is no such cluster. Check project, location and name in projects/P/locations/L/clusters/C.`,
      { details },
    );
  }
  if (status !== undefined && !isTransientStatus(status)) {
    return new UpstreamError(`Could not ${what}: Google Cloud answered ${status}: ${firstLine(error)}`, { details });
  }
  const network = describeNetworkError(error);
  return new UnavailableError(
    `Could not ${what}: ${status === undefined ? `no answer (${network.text})` : `Google Cloud answered ${status}`}. This may be temporary; try again.`,
    { details, cause: network.cause },
  );
}
