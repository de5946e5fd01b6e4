import type { AppError } from '../errors.ts';
import { DeadlineError, UnavailableError, UpstreamError } from '../errors.ts';
import type { GsUri } from './uri.ts';
import { formatGsUri } from './uri.ts';

/** What is being attempted. `uri.name` is an object's name, or the prefix of a listing. */
export interface Attempt {
  readonly verb: 'read' | 'stream' | 'write' | 'list';
  readonly uri: GsUri;
}

/** An answer that is none of the call's outcomes. */
export interface Refusal {
  readonly status: number;
  /** What it said, for people. */
  readonly message: string;
  readonly retryAfterMs?: number;
}

const PERMISSIONS = {
  read: 'storage.objects.get',
  stream: 'storage.objects.get',
  write: 'storage.objects.create, and storage.objects.delete to replace an object',
  list: 'storage.objects.list',
} as const;

const CREDENTIALS_ADVICE =
  'On Google Cloud give the function a service account; elsewhere run: gcloud auth application-default login';

/** The auth library's words for credentials that are not there or not valid: no request was sent. */
const NO_CREDENTIALS = /could not load the default credentials|unable to read the credential file|invalid_grant/i;

const MAX_QUOTE = 500;

/** The message of a JSON API error, or the text of a media one. */
export function parseErrorMessage(body: unknown): string {
  if (typeof body === 'string') {
    try {
      return parseErrorMessage(JSON.parse(body));
    } catch {
      return body
        .replaceAll(/<[^>]*>/g, ' ')
        .replaceAll(/\s+/g, ' ')
        .trim()
        .slice(0, MAX_QUOTE);
    }
  }
  const error: unknown = typeof body === 'object' && body !== null && 'error' in body ? body.error : undefined;
  if (typeof error === 'string') return error.slice(0, MAX_QUOTE);
  const message: unknown =
    typeof error === 'object' && error !== null && 'message' in error ? error.message : undefined;
  return typeof message === 'string' ? message.slice(0, MAX_QUOTE) : '';
}

/** Milliseconds of a Retry-After header in seconds; its other form, a date, is left to our own backoff. */
export function parseRetryAfter(headers: Readonly<Record<string, string>>): number | undefined {
  const seconds = headers['retry-after'];
  return seconds !== undefined && /^\d{1,6}$/.test(seconds) ? Number(seconds) * 1_000 : undefined;
}

/** Whether a 404 speaks of the bucket, not of the object. */
export function isBucketMissing(message: string): boolean {
  return /bucket does not exist/i.test(message);
}

/** The error to throw for an answer that is no outcome of the call. */
export function translateRefusal(attempt: Attempt, refusal: Refusal): AppError {
  const { status, message } = refusal;
  const details = { upstreamStatus: status };
  const said = message.replace(/\.+$/, '');
  const answered = `Could not ${quote(attempt)}: Cloud Storage answered ${status}${said === '' ? '' : `: ${said}`}`;
  if (isTransient(status)) return new UnavailableError(`${answered}. This may pass; try again.`, { details });
  if (status === 403) return translateForbidden(attempt, refusal);
  if (status === 404) {
    const advice = `The bucket gs://${attempt.uri.bucket} does not exist, or its name is misspelt`;
    return new UpstreamError(`${answered}. ${advice}.`, { details: { ...details, bucket: attempt.uri.bucket } });
  }
  if (status !== 401) return new UpstreamError(answered, { details });
  // The client library sends the request without credentials when it finds none.
  const advice = /^anonymous caller/i.test(message)
    ? `There are no Google credentials. ${CREDENTIALS_ADVICE}`
    : 'Our token is not accepted: check that the service account is enabled, and that the clock is right.';
  return new UpstreamError(`${answered}. ${advice}`, { details });
}

function quote({ verb, uri }: Attempt): string {
  return `${verb} ${formatGsUri(uri)}`;
}

/** https://cloud.google.com/storage/docs/retry-strategy */
function isTransient(status: number): boolean {
  return status === 408 || status === 429 || status >= 500;
}

function translateForbidden(attempt: Attempt, { message }: Refusal): UpstreamError {
  const denied = parseDenied(message);
  const who = denied?.who ?? 'the service account of this function';
  const permission = denied?.permission ?? PERMISSIONS[attempt.verb];
  const bucket = `gs://${attempt.uri.bucket}`;
  const absent =
    attempt.verb === 'list' || attempt.verb === 'write'
      ? ''
      : ' Without storage.objects.list an object that is absent is answered so, too.';
  return new UpstreamError(
    `Could not ${quote(attempt)}: Cloud Storage answered 403${message === '' ? '' : ` (${message})`}. Grant ${who} ${permission} on ${bucket} (docs/deploying.md).${absent}`,
    {
      details: { upstreamStatus: 403, bucket: attempt.uri.bucket, permission, ...(denied && { subject: denied.who }) },
    },
  );
}

/** As in `sa@p.iam.gserviceaccount.com does not have storage.objects.get access to ...` */
function parseDenied(message: string): { who: string; permission: string } | null {
  const match = /^(\S{1,200}) does not have (storage\.[A-Za-z.]{1,80}) access/.exec(message);
  return match?.[1] === undefined || match[2] === undefined ? null : { who: match[1], permission: match[2] };
}

/** The error to throw when there was no answer, or one that broke off. */
export function translateFailure(attempt: Attempt, error: unknown): AppError {
  const cause = leanCause(error);
  const { message } = cause;
  if (NO_CREDENTIALS.test(message)) {
    const why = message.slice(0, MAX_QUOTE).replace(/\.+$/, '');
    return new UpstreamError(`Could not ${quote(attempt)}: ${why}. ${CREDENTIALS_ADVICE}`, { cause });
  }
  const code = codeOf(error);
  const why = code === undefined || message.includes(code) ? message : `${message}, ${code}`;
  return new UnavailableError(
    `Could not ${quote(attempt)}: Cloud Storage could not be reached, or its answer broke off (${why.slice(0, MAX_QUOTE)}).`,
    { cause },
  );
}

/** The error by name, message and code only: the libraries hang requests, with their tokens, on theirs. */
function leanCause(error: unknown): Error {
  const code = codeOf(error);
  const message = error instanceof Error ? error.message : String(error);
  const name = error instanceof Error ? error.name : 'Error';
  return Object.assign(new Error(message), { name, ...(code !== undefined && { code }) });
}

function codeOf(error: unknown): string | undefined {
  return typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;
}

/** The error to throw when an answer arrived whole and is not what Cloud Storage sends. */
export function translateUnreadable(attempt: Attempt, what: string): UnavailableError {
  return new UnavailableError(`Could not ${quote(attempt)}: ${what}. This may pass; try again.`);
}

/** The error to throw when our deadline passed (`afterMs`), or the caller's signal ended the call. */
export function translateDeadline(attempt: Attempt, afterMs: number, cause: unknown): DeadlineError {
  return new DeadlineError(
    `Could not ${quote(attempt)}: no answer from Cloud Storage after ${Math.round(afterMs)} ms.`,
    {
      cause,
    },
  );
}
